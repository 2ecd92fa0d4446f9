// Order the lines. Lines are taken into a program, moved in it, and the program is judged as puzzles.py does it.

// What is said of a program, a list of lines from top to bottom, and the place of the first that stands wrongly.
function verdict(lines, done, program) {
  const place = new Map(program.map((line, n) => [line.name, n]));
  for (const [n, line] of program.entries()) {
    let amiss = line.stray;
    if (!amiss) [, amiss] = Object.entries(line.after).find(([first]) => (place.get(first) ?? -1) > n) ?? [];
    if (!amiss && line.between) {
      const [start, end, why] = line.between;
      if (place.get(start) < n && n < place.get(end)) amiss = why; // never so where one is missing
    }
    if (amiss) return { right: false, says: `Line ${n + 1}, ${line.code}: ${amiss}.`, line: n };
  }
  const missing = lines.filter(({ name, stray }) => !stray && !place.has(name)).length;
  if (missing) return { right: false, says: `No line stands wrongly so far; ${missing === 1 ? "1 line is" : `${missing} lines are`} missing.`, line: null };
  return { right: true, says: `Right. ${done}`, line: null };
}

function render({ model, el }) {
  const { task, lines, done } = model.get("data");
  let program = [], aside = [...lines], current = lines[0], grabbed = false, wrong = null;
  const { line: spoken, say } = announcer("sumskip-says");
  const box = element("div", { class: "sumskip-lines", role: "listbox", "aria-label": "Lines of the program, then lines left over", onkeydown: press });
  const options = new Map(lines.map((line) => [line, element("div",
    { role: "option", tabindex: -1, onfocus: () => choose(line), onclick: () => options.get(line).focus() })]));

  function draw() {
    const focused = box.contains(document.activeElement);
    const group = (name, members, empty) => element("div", { role: "group", "aria-label": name },
      element("p", { "aria-hidden": "true" }, name), ...members.map((line) => options.get(line)),
      ...(members.length ? [] : [element("p", { class: "sumskip-none" }, empty)]));
    for (const [line, option] of options) {
      const n = program.indexOf(line);
      const name = `${n < 0 ? "" : `${n + 1}, `}${line.depth ? "indented, " : ""}${line.code}`;
      option.replaceChildren(element("span", { class: "sumskip-number" }, n < 0 ? "·" : `${n + 1}`),
        element("code", { style: `padding-left: ${2 * line.depth}em` }, line.code),
        ...(n >= 0 && n === wrong ? [element("strong", {}, "✗ stands wrongly")] : []));
      option.setAttribute("aria-label", n >= 0 && n === wrong ? `${name}, stands wrongly` : name);
    }
    box.replaceChildren(group("Program", program, "Nothing yet: put lines in here."), group("Lines left over", aside, "None."));
    choose(current);
    if (focused) options.get(current).focus();
  }
  function choose(line) {
    if (line !== current) grabbed = false;
    current = line;
    for (const [other, option] of options) {
      option.setAttribute("tabindex", other === line ? 0 : -1);
      option.setAttribute("aria-selected", other === line);
      option.classList.toggle("sumskip-grabbed", other === line && grabbed);
    }
  }
  // The focus then is on what has come into the line's place, so that one line after the other can be put in.
  function put(into) {
    const from = into ? aside : program, to = into ? program : aside, line = current, n = from.indexOf(line);
    if (n < 0) return;
    from.splice(n, 1);
    to.push(line);
    current = from[Math.min(n, from.length - 1)] ?? line;
    changed(into ? `${line.code} is now line ${program.length}.` : `${line.code} is left over.`);
  }
  function move(by) {
    const n = program.indexOf(current), to = n + by;
    if (n < 0) return say("This line is not in the program: put it in first.");
    if (to < 0 || to >= program.length) return say(`${current.code} is already ${by < 0 ? "the first" : "the last"} line.`);
    program.splice(n, 1);
    program.splice(to, 0, current);
    changed(`${current.code} is now line ${to + 1} of ${program.length}.`, grabbed);
  }
  function changed(text, still = false) {
    wrong = null;
    grabbed = still;
    draw();
    say(text);
  }
  function grab() {
    if (!program.includes(current)) return put(true);
    grabbed = !grabbed;
    choose(current);
    say(grabbed ? `${current.code} is held: up and down move it, Space lets go.` : `${current.code} is let go.`);
  }
  function check() {
    const { says, line } = verdict(lines, done, program);
    wrong = line;
    if (line !== null) current = program[line];
    draw();
    say(says);
  }
  function again() {
    [program, aside, current] = [[], [...lines], lines[0]];
    changed("All lines are left over again.");
  }
  function press(event) {
    const all = [...program, ...aside], at = all.indexOf(current);
    const go = (to) => options.get(all[Math.max(0, Math.min(all.length - 1, to))]).focus();
    const step = (by) => (event.altKey || grabbed ? move(by) : go(at + by));
    const keys = {
      ArrowUp: () => step(-1), ArrowDown: () => step(1), ArrowRight: () => put(true), ArrowLeft: () => put(false),
      Delete: () => put(false), " ": grab, Escape: () => grabbed && grab(), Home: () => go(0), End: () => go(all.length - 1), Enter: check,
    };
    if (!keys[event.key] || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    keys[event.key]();
  }

  const buttons = [["Into the program", () => put(true)], ["Out of it", () => put(false)], ["Up", () => move(-1)],
    ["Down", () => move(1)], ["Check", check], ["Start again", again]];
  el.append(frame("Order the lines", element("p", {}, task),
    element("p", {}, "Up and Down go from line to line. Right puts a line into the program, Left takes it out. Alt+Up and Alt+Down "
      + "move it, or Space and then Up and Down. Enter checks."),
    box, element("div", { class: "sumskip-controls" },
      ...buttons.map(([name, onclick]) => element("button", { type: "button", onclick }, name))), spoken));
  draw();
}

export default { render };
export { verdict };
