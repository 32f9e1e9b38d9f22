// Posters without pictures: flat shapes in the colours of a film's genres, the same for the
// same film everywhere.

import {draw} from "./text.js";

// ground, shape, accent
const palettes = {
  "Action": ["#2b0f12", "#c8372d", "#ffb35c"],
  "Adventure": ["#06302f", "#1f8a7d", "#f2c14e"],
  "Animation": ["#3a1d00", "#ef8a17", "#ffe08a"],
  "Children": ["#0c2f4a", "#3aa0d8", "#ffd166"],
  "Comedy": ["#3d2a02", "#e0a100", "#fff0b8"],
  "Crime": ["#17131f", "#5b4b78", "#d9576b"],
  "Documentary": ["#142217", "#4f7d5b", "#dfe8c8"],
  "Drama": ["#2a0e17", "#93354c", "#f0b7a4"],
  "Fantasy": ["#1b0f33", "#6a3cc2", "#f19cdd"],
  "Film-Noir": ["#0b0b0d", "#4a4a50", "#e8e6df"],
  "Horror": ["#120406", "#7d0f14", "#ff6b4a"],
  "IMAX": ["#071c2c", "#2a6f97", "#a9d6e5"],
  "Musical": ["#32091f", "#d1457b", "#ffd0e0"],
  "Mystery": ["#0b1a26", "#33627f", "#c7b8ea"],
  "Romance": ["#33091a", "#d43d64", "#ffc2b4"],
  "Sci-Fi": ["#031d2b", "#0f86ad", "#7df0e0"],
  "Thriller": ["#0a1420", "#2b4f7e", "#f4743b"],
  "War": ["#161a0d", "#59663a", "#e3b23c"],
  "Western": ["#2b1503", "#b5651d", "#f3d9a4"],
};
const plain = ["#16181d", "#4a5160", "#c9d0dc"];

/**
 * The film's colours: ground and shape of one of its genres, the accent of another. Which one
 * hangs on the id, so that a row of comedies is not a row of equals.
 */
export function palette(item_id, categories = []) {
  const known = categories.filter((name) => palettes[name]);
  const turn = Math.floor(dice(`colour ${item_id}`)(0, known.length));
  const [ground, shape, accent] = palettes[known[turn]] ?? plain;
  const other = known[(turn + 1) % known.length];
  return {ground, shape, accent: palettes[other]?.[2] ?? accent};
}

// FNV-1a, then a xorshift generator: equal ids give equal posters.
function dice(text) {
  let state = 0x811c9dc5;
  for (const letter of text) {
    state = Math.imul(state ^ letter.codePointAt(0), 0x01000193);
  }
  state = state >>> 0 || 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
  for (let warm = 0; warm < 6; ++warm) next();
  return (low, high) => low + next() * (high - low);
}

const compositions = [
  function sun({shape, accent}, between) {
    const y = between(52, 84);
    return [
      draw("circle", {cx: between(40, 80), cy: y - 18, r: between(22, 34), fill: accent}),
      draw("path", {d: `M0 ${y}h120v80H0z`, fill: shape}),
      draw("path", {d: `M0 ${y + 18}q30 -22 60 -4t60 -6v80H0z`, fill: shape, opacity: 0.55}),
    ];
  },
  function rings({shape, accent}, between) {
    const cx = between(20, 100);
    const cy = between(30, 70);
    return [70, 54, 38, 22].map((r, index) =>
      draw("circle", {cx, cy, r, fill: index % 2 ? accent : shape, opacity: index % 2 ? 0.85 : 0.7}));
  },
  function bands({shape, accent}, between) {
    const tilt = between(-34, 34);
    return [0, 1, 2, 3].map((index) =>
      draw("rect", {x: -40, y: 8 + index * 26, width: 200, height: between(7, 17),
        fill: index === 1 ? accent : shape, opacity: 0.95 - index * 0.16,
        transform: `rotate(${tilt} 60 60)`}));
  },
  function peaks({shape, accent}, between) {
    const a = between(24, 56);
    const b = between(64, 98);
    return [
      draw("circle", {cx: between(24, 96), cy: 30, r: 11, fill: accent}),
      draw("path", {d: `M${a - 62} 128L${a} ${between(38, 58)}L${a + 62} 128z`, fill: shape}),
      draw("path", {d: `M${b - 50} 128L${b} ${between(58, 76)}L${b + 50} 128z`, fill: accent, opacity: 0.45}),
    ];
  },
  function window_light({shape, accent}, between) {
    const x = between(18, 60);
    return [
      draw("path", {d: `M${x} 0h${between(22, 40)}L118 160H${between(20, 50)}z`, fill: shape, opacity: 0.8}),
      draw("path", {d: `M${x + 8} 0h9L96 160H80z`, fill: accent, opacity: 0.75}),
      draw("circle", {cx: between(66, 104), cy: between(70, 92), r: 9, fill: accent}),
    ];
  },
  function dots({shape, accent}, between) {
    const shapes = [];
    const marked = Math.floor(between(0, 20));
    for (let row = 0; row < 5; ++row) {
      for (let column = 0; column < 4; ++column) {
        const index = row * 4 + column;
        shapes.push(draw("circle", {cx: 18 + column * 28, cy: 16 + row * 24,
          r: index === marked ? 12 : between(3, 9), fill: index === marked ? accent : shape}));
      }
    }
    return shapes;
  },
  function halves({shape, accent}, between) {
    const turn = Math.floor(between(0, 4)) * 90;
    return [
      draw("path", {d: "M14 60a46 46 0 0 1 92 0z", fill: shape, transform: `rotate(${turn} 60 60)`}),
      draw("path", {d: "M32 66a28 28 0 0 0 56 0z", fill: accent, transform: `rotate(${turn} 60 60)`}),
    ];
  },
  function stairs({shape, accent}, between) {
    const marked = Math.floor(between(0, 6));
    return [0, 1, 2, 3, 4, 5].map((index) => {
      const height = between(18, 96);
      return draw("rect", {x: index * 20, y: 112 - height, width: 16, height: height + 60,
        fill: index === marked ? accent : shape, opacity: index === marked ? 1 : 0.5 + index * 0.08});
    });
  },
];

/** An SVG of the film's poster, without its words; decoration only. */
export function poster_art(item_id, categories) {
  const colours = palette(item_id, categories);
  const between = dice(`film ${item_id}`);
  const compose = compositions[Math.floor(between(0, compositions.length))];
  return draw("svg", {viewBox: "0 0 120 160", preserveAspectRatio: "xMidYMid slice",
    class: "art", "aria-hidden": "true"},
    draw("rect", {width: 120, height: 160, fill: colours.ground}),
    ...compose(colours, between));
}
