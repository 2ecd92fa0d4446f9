// Shape aligner: the broadcasting rule, on two shapes that are typed in.

const SIGNS = { equal: "= equal", stretched: "↔ stretched", clash: "✗ clash" };

// A shape as typed, with or without brackets; null where it is none.
function parse(text) {
  const inner = text.trim().replace(/^[([]\s*(.*?)\s*[)\]]$/, "$1").replace(/,\s*$/, "").trim();
  if (inner === "") return [];
  const sizes = inner.split(",").map((size) => size.trim());
  return sizes.every((size) => /^\d{1,9}$/.test(size)) && sizes.length <= 8 ? sizes.map(Number) : null;
}

function align(a, b) {
  const length = Math.max(a.length, b.length);
  const dimensions = Array.from({ length }, (_, place) => {
    const left = a[place - length + a.length] ?? null;
    const right = b[place - length + b.length] ?? null;
    const [one, other] = [left ?? 1, right ?? 1];
    const verdict = one === other ? "equal" : one === 1 || other === 1 ? "stretched" : "clash";
    return { a: left, b: right, verdict, size: verdict === "clash" ? null : one === 1 ? other : one };
  });
  const clash = dimensions.some(({ verdict }) => verdict === "clash");
  return { dimensions, result: clash ? null : dimensions.map(({ size }) => size) };
}

// As Python writes a tuple.
function written(shape) {
  return shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
}

function sentence(a, b) {
  const { dimensions, result } = align(a, b);
  const meetings = dimensions.map((meeting, place) =>
    `dimension ${place}: ${meeting.a ?? "nothing"} and ${meeting.b ?? "nothing"}, ${meeting.verdict}`);
  meetings.push(result ? `the sum is ${written(result)}` : "no sum: sizes must be equal, or one of them 1");
  return `${written(a)} + ${written(b)}. ${meetings.join("; ")}.`;
}

function show(data, mine) {
  const { line, say } = announcer("sumskip-says");
  const table = element("table");
  const scroller = element("div", { class: "sumskip-table" }, table);
  const inputs = ["a", "b"].map((name) => element("input",
    { type: "text", value: data[name].join(", "), size: 20, spellcheck: "false", "aria-label": `shape of ${name}`, oninput: draw }));

  function draw() {
    const [a, b] = inputs.map((input) => parse(input.value));
    inputs.forEach((input, place) => input.setAttribute("aria-invalid", [a, b][place] === null));
    if (a === null || b === null) {
      table.replaceChildren();
      return say("A shape is at most eight whole numbers with commas between them, such as 4, 1, 32, 32.");
    }
    const { dimensions } = align(a, b);
    const row = (title, cells) => element("tr", {}, element("th", { scope: "row" }, title), ...cells);
    const cells = (key) => dimensions.map((meeting) => element("td", {}, String(meeting[key] ?? (key === "size" ? "✗" : "–"))));
    table.replaceChildren(
      element("tr", {}, element("td"), ...dimensions.map((_, place) => element("th", { scope: "col" }, `dimension ${place}`))),
      row("a", cells("a")),
      row("b", cells("b")),
      row("they are", dimensions.map(({ verdict }) => element("td", { class: `sumskip-${verdict}` }, SIGNS[verdict]))),
      row("a + b", cells("size")));
    say(sentence(a, b));
  }

  const labels = inputs.map((input, place) => element("label", {}, `${"ab"[place]}.shape `, input));
  draw();
  return [mine, element("div", { class: "sumskip-controls" }, ...labels), scroller, line];
}

export default { render: afterAGuess("Shape aligner", show) };
export { align, parse, sentence };
