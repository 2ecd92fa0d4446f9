// Explore. Python draws the picture and says what is in it; here the focus goes through it, it is enlarged and
// moved in its window, and a box asks Python to be opened or closed.

const LARGEST = 4; // times its own size

function render({ model, el }) {
  const picture = element("div", { class: "sumskip-picture sumskip-explore" });
  const { line, say } = announcer("sumskip-says");
  const help = element("p", {}, "Tab reaches the picture, arrow keys go from one thing to the next. Enter or a click opens "
    + "and closes a box. + and − zoom, 0 shows all; drag to move.");
  const controls = element("div", { class: "sumskip-controls" },
    ...[["Zoom in", () => zoom(1.5)], ["Zoom out", () => zoom(1 / 1.5)], ["Whole picture", () => zoom(0)]].map(
      ([name, onclick]) => element("button", { type: "button", onclick }, name)));
  const ask = asker(model, say);
  let svg, size, scale, things, at = 0, drag;

  function draw() {
    const { svg: source, items } = model.get("data");
    const before = things?.[at], focused = before?.body === document.activeElement;
    picture.innerHTML = source;
    svg = picture.querySelector("svg");
    svg.setAttribute("role", "group"); // as "img" it would hide what is in it
    svg.querySelector("title").remove(); // a tooltip over everything
    size = { width: svg.width.baseVal.value, height: svg.height.baseVal.value };
    const bodies = new Map([...svg.querySelectorAll("[data-item]")].map((body) => [body.dataset.item, body]));
    things = items.map((item) => ({ ...item, body: bodies.get(item.item) })).filter(({ body }) => body);
    things.forEach(prepare);
    at = Math.max(0, things.findIndex(({ item, boxes }) => item === before?.item || boxes.includes(before?.boxes[0])));
    things[at].body.setAttribute("tabindex", 0);
    if (scale) zoom(1);
    if (focused) things[at].body.focus();
  }
  function prepare({ name, boxes, open, body }, n) {
    body.setAttribute("role", boxes.length ? "button" : "img");
    body.setAttribute("aria-label", name);
    body.setAttribute("tabindex", -1);
    body.setAttribute("data-lm-suppress-shortcuts", "true");
    if (boxes.length) body.setAttribute("aria-expanded", open);
    body.addEventListener("focus", () => arrive(n));
    body.addEventListener("click", () => { if (!drag?.far) { go(n); toggle(); } });
  }
  function go(to) {
    things[Math.max(0, Math.min(things.length - 1, to))].body.focus();
  }
  function arrive(n) {
    things[at].body.setAttribute("tabindex", -1);
    at = n;
    things[at].body.setAttribute("tabindex", 0);
    say(things[at].says);
  }
  function toggle() {
    if (things[at].boxes.length) ask({ box: things[at].boxes[0] });
  }
  // The picture `factor` times as large as now, 0 for all of it, with what has the focus in the middle.
  function zoom(factor) {
    const whole = Math.min(1, picture.clientWidth / size.width, picture.clientHeight / size.height);
    scale = Math.max(whole, Math.min(LARGEST, factor * (scale ?? svg.clientWidth / size.width)));
    svg.style.cssText = `width: ${scale * size.width}px; max-width: none`;
    const [window, thing] = [picture, things[at].body].map((part) => part.getBoundingClientRect());
    picture.scrollLeft += thing.left + thing.width / 2 - window.left - window.width / 2;
    picture.scrollTop += thing.top + thing.height / 2 - window.top - window.height / 2;
  }

  const keys = {
    ArrowRight: () => go(at + 1), ArrowDown: () => go(at + 1), ArrowLeft: () => go(at - 1), ArrowUp: () => go(at - 1),
    Home: () => go(0), End: () => go(things.length - 1), Enter: toggle, " ": toggle,
    "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5), "0": () => zoom(0),
  };
  picture.addEventListener("keydown", (event) => {
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    keys[event.key]();
  });
  picture.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return; // the page scrolls
    event.preventDefault();
    zoom(event.deltaY < 0 ? 1.1 : 1 / 1.1);
  }, { passive: false });
  picture.addEventListener("pointerdown", ({ clientX, clientY }) => {
    drag = { x: clientX + picture.scrollLeft, y: clientY + picture.scrollTop, far: false };
  });
  picture.addEventListener("pointermove", ({ clientX, clientY, buttons, pointerType }) => {
    if (!drag || !buttons || pointerType === "touch") return; // which scrolls by itself
    const [left, top] = [drag.x - clientX, drag.y - clientY];
    drag.far ||= Math.hypot(left - picture.scrollLeft, top - picture.scrollTop) > 4;
    if (drag.far) picture.scrollTo(left, top);
  });

  el.append(frame("Explore", controls, picture, line, help));
  model.on("change:data", draw);
  draw();
}

export default { render };
