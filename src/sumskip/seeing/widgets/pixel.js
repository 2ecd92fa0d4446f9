// Pixel at the plus. All numbers are whole: hundredths in the maps and in alpha, so that the arithmetic
// shown is exact and the same as in Python.

function decimal(value, places) {
  const digits = String(Math.abs(value)).padStart(places + 1, "0");
  const fraction = digits.slice(-places);
  return `${value < 0 ? "−" : ""}${digits.slice(0, -places)}.${fraction.slice(0, 2)}${fraction.slice(2).replace(/0+$/, "")}`;
}

function operand(value) {
  return value < 0 ? `(${decimal(value, 2)})` : decimal(value, 2);
}

function arithmetic(operator, a, b, alpha) {
  if (operator === "+") return `${decimal(a, 2)} + ${operand(b)} = ${decimal(a + b, 2)}`;
  if (operator === "×") return `${operand(a)} × ${operand(b)} = ${decimal(a * b, 4)}`;
  if (operator === "cat") return `${decimal(a, 2)} and ${decimal(b, 2)} stay two numbers: nothing is added`;
  const total = alpha * a + (100 - alpha) * b;
  return `${operand(alpha)}·${operand(a)} + ${operand(100 - alpha)}·${operand(b)} = ${decimal(total, 4)}`;
}

// One value of the result, in ten-thousandths.
function combine(operator, a, b, alpha) {
  if (operator === "+") return 100 * (a + b);
  return operator === "×" ? a * b : alpha * a + (100 - alpha) * b;
}

function show({ maps: [out1, out2], channels, shapes, alphas, start, limit, colours, ...first }, mine) {
  const [height, width] = [out1.length, out1[0].length];
  const rgb = colours.map((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));
  const side = 8; // pixels of the canvas to one of the map
  let { operator, alpha } = first;
  let [row, column] = start;

  const views = ["out1", "out2", "result", "result2"].map((name) => {
    const canvas = element("canvas", { width: side * width, height: side * height, "aria-hidden": "true" });
    const caption = element("figcaption");
    return { figure: element("figure", { class: `sumskip-map-${name}` }, canvas, caption), canvas, caption };
  });
  const sign = element("span", { class: "sumskip-sign", "aria-hidden": "true" });
  const stage = element("div", {
    class: "sumskip-stage", tabindex: "0", role: "application", "aria-roledescription": "crosshair",
    "aria-label": "Crosshair on the feature maps. Arrow keys move it by one pixel, with Shift by eight.",
    onkeydown: move, onpointerdown: point,
  }, views[0].figure, sign, views[1].figure, element("span", { class: "sumskip-sign", "aria-hidden": "true" }, "="),
    views[2].figure, views[3].figure);
  const { line, say } = announcer("sumskip-says");
  const slider = element("input", { type: "range", min: alphas[0] / 100, max: alphas[1] / 100, step: 0.05, value: alpha / 100,
    "aria-label": "alpha", oninput: () => weigh(slider.value) });
  const typed = element("input", { type: "number", min: alphas[0] / 100, max: alphas[1] / 100, step: 0.01, value: alpha / 100,
    "aria-label": "alpha, typed", oninput: () => weigh(typed.value) });
  const weights = element("fieldset", {}, element("legend", {}, "alpha"), slider, typed);

  function move(event) {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!steps) return;
    event.preventDefault(); // the page stays where it is
    go(row + steps[0] * (event.shiftKey ? 8 : 1), column + steps[1] * (event.shiftKey ? 8 : 1));
  }
  function point(event) {
    if (event.target.tagName !== "CANVAS") return;
    const box = event.target.getBoundingClientRect();
    go(Math.floor((event.clientY - box.top) / box.height * height), Math.floor((event.clientX - box.left) / box.width * width));
  }
  function go(toRow, toColumn) {
    row = Math.max(0, Math.min(height - 1, toRow));
    column = Math.max(0, Math.min(width - 1, toColumn));
    draw();
  }
  function weigh(text) {
    const value = Math.round(100 * Number(text));
    const fits = text !== "" && value >= alphas[0] && value <= alphas[1];
    typed.setAttribute("aria-invalid", !fits);
    if (!fits) return say(`alpha goes from ${decimal(alphas[0], 2)} to ${decimal(alphas[1], 2)}`);
    alpha = value;
    if (Number(slider.value) !== value / 100) slider.value = value / 100;
    if (document.activeElement !== typed) typed.value = value / 100;
    draw();
  }

  function paint({ canvas, caption }, name, channel, value) {
    const context = canvas.getContext("2d");
    const image = context.createImageData(width * side, height * side);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const share = Math.round((value(y, x) / 10000 / limit + 1) * 127.5);
        const [red, green, blue] = rgb[Math.max(0, Math.min(255, share))];
        for (let dy = 0; dy < side; dy++) {
          for (let dx = 0; dx < side; dx++) {
            const at = 4 * ((y * side + dy) * width * side + x * side + dx);
            image.data[at] = red; image.data[at + 1] = green; image.data[at + 2] = blue; image.data[at + 3] = 255;
          }
        }
      }
    }
    context.putImageData(image, 0, 0);
    const [left, top] = [column * side, row * side];
    for (const [colour, thickness] of [["white", 4], ["black", 1.5]]) { // seen on dark and on bright pixels
      context.strokeStyle = colour;
      context.lineWidth = thickness;
      context.beginPath();
      for (const [fromX, fromY, toX, toY] of [[0, top + side / 2, left, top + side / 2],
        [left + side, top + side / 2, width * side, top + side / 2], [left + side / 2, 0, left + side / 2, top],
        [left + side / 2, top + side, left + side / 2, height * side]]) {
        context.moveTo(fromX, fromY);
        context.lineTo(toX, toY);
      }
      context.rect(left - 1, top - 1, side + 2, side + 2);
      context.stroke();
    }
    caption.textContent = `${name}, channel ${channel}: ${decimal(value(row, column), 4)}`;
  }

  function draw() {
    const weighted = operator === "weighted";
    const both = operator === "cat";
    const one = (y, x) => 100 * out1[y][x];
    const two = (y, x) => 100 * out2[y][x];
    paint(views[0], "out1", channels[0], one);
    paint(views[1], "out2", channels[0], two);
    paint(views[2], "result", channels[0], both ? one : (y, x) => combine(operator, out1[y][x], out2[y][x], alpha));
    views[3].figure.hidden = !both;
    if (both) paint(views[3], "result", channels[1], two);
    sign.textContent = weighted ? "+" : operator;
    slider.disabled = typed.disabled = !weighted;
    say(`Row ${row}, column ${column}: ${arithmetic(operator, out1[row][column], out2[row][column], alpha)}. `
      + `Shapes: ${shapes[operator]}.`);
  }

  const ends = [-limit, 0, limit].map((value) => element("span", {}, decimal(Math.round(100 * value), 2)));
  const bar = element("div", { class: "sumskip-bar" },
    element("div", { style: `background: linear-gradient(to right, ${colours.filter((_, at) => at % 15 === 0).join(",")})` }),
    element("p", {}, ...ends));
  draw();
  return [mine, element("div", { class: "sumskip-controls" },
    choices("Operator", Object.keys(shapes), operator, (name) => { operator = name; draw(); }), weights), stage, bar, line];
}

export default { render: afterAGuess("Pixel at the plus", show) };
export { arithmetic, combine };
