// Wiring board. The picture of a trace with its wires in groups; here a step through them is chosen and shown.

function show({ boards, verdict }, mine) {
  const wirings = [...new Set(boards.map((board) => board.wiring))];
  const modes = [...new Set(boards.map((board) => board.mode))];
  let board, step;

  const picture = element("div", { class: "sumskip-picture" });
  const { line, say } = announcer("sumskip-says");
  const count = element("span", { class: "sumskip-count" });
  const back = element("button", { type: "button", onclick: () => go(step - 1) }, "Back");
  const next = element("button", { type: "button", onclick: () => go(step + 1) }, "Next");

  function go(to) {
    const last = board.steps.length - 1;
    step = Math.max(0, Math.min(last, to));
    picture.innerHTML = step === last ? board.end : board.svg; // which says what leaves, or why nothing does
    picture.querySelector("title").remove(); // a tooltip over everything
    if (step === last && board === boards[0]) mine.firstChild.textContent = verdict; // the one that was guessed
    const filled = new Set(board.steps.slice(0, step + 1).flatMap(({ edges }) => edges));
    const latest = new Set(board.steps[step].edges);
    for (const part of picture.querySelectorAll("[data-edges]")) {
      const edges = part.dataset.edges.split(" ").map(Number);
      part.classList.toggle("sumskip-empty", !edges.some((edge) => filled.has(edge)));
      part.classList.toggle("sumskip-latest", edges.some((edge) => latest.has(edge)));
    }
    // aria-disabled and not disabled: a button that vanishes from under the focus would lose it
    back.setAttribute("aria-disabled", step === 0);
    next.setAttribute("aria-disabled", step === last);
    count.textContent = `step ${step} of ${last}`;
    say(board.steps[step].says);
  }
  function choose(wiring, mode) {
    board = boards.find((other) => other.wiring === wiring && other.mode === mode);
    go(0);
  }

  const controls = [];
  if (wirings.length > 1) controls.push(choices("Wiring", wirings, wirings[0], (name) => choose(name, board.mode)));
  if (modes.length > 1) controls.push(choices("With a", modes, modes[0], (name) => choose(board.wiring, name)));
  choose(wirings[0], modes[0]);
  mine.setAttribute("aria-live", "polite");
  return [element("div", { class: "sumskip-controls" }, ...controls), picture, line, mine,
    element("div", { class: "sumskip-controls" }, back, next, count)];
}

export default { render: afterAGuess("Wiring board", show) };
