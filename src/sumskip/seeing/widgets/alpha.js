// Loss over alpha. Python has measured and drawn; here a tangent is put where the slider or the walk is.

function render({ model, el }) {
  const { svg: source, curve, steps, first } = model.get("data");
  const picture = element("div", { class: "sumskip-picture" });
  picture.innerHTML = source;
  const svg = picture.querySelector("svg");
  svg.querySelector("title").remove(); // a tooltip over everything
  const draw = (tag, className) => {
    const made = document.createElementNS(svg.namespaceURI, tag);
    made.setAttribute("class", className);
    svg.append(made);
    return made;
  };
  const tangent = draw("path", "sumskip-tangent");
  const marks = [draw("circle", "sumskip-at"), draw("circle", "sumskip-at")];
  const { line, say } = announcer("sumskip-says");
  const slider = element("input", { class: "sumskip-slide", type: "range", min: 0, max: curve.length - 1, step: 1, value: first, "aria-label": "alpha",
    oninput: () => show(curve[slider.value]) });
  const back = element("button", { type: "button", onclick: () => go(step - 1) }, "Back");
  const next = element("button", { type: "button", onclick: () => go(step + 1) }, "Next");
  let step = 0;

  function show({ says, tangent: ends, marks: points, alpha }) {
    tangent.setAttribute("d", ends.length ? `M${ends.join("L")}` : "");
    marks.forEach((mark, n) => {
      const [x, y] = points[n] ?? [0, 0];
      mark.setAttribute("cx", x);
      mark.setAttribute("cy", y);
      mark.setAttribute("r", n < points.length ? 6 : 0);
    });
    slider.setAttribute("aria-valuetext", `alpha ${alpha}`);
    say(says);
  }
  function go(to) {
    step = Math.max(0, Math.min(steps.length - 1, to));
    // aria-disabled and not disabled: a button that vanishes from under the focus would lose it
    back.setAttribute("aria-disabled", step === 0);
    next.setAttribute("aria-disabled", step === steps.length - 1);
    slider.value = steps[step].slider;
    show(steps[step]);
  }

  const controls = element("div", { class: "sumskip-controls" }, element("label", {}, "alpha ", slider));
  if (steps.length > 1) controls.append(element("fieldset", {}, element("legend", {}, "Step"), back, next));
  el.append(frame("Loss over alpha", picture, controls, line));
  if (steps.length) go(0);
  else show(curve[first]);
}

export default { render };
