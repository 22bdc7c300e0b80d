import { encode } from "./vendor/uqr.js";

const SVG = "http://www.w3.org/2000/svg";
/** The light margin that readers need, in squares. */
const QUIET = 4;
/** What still can be read from another phone's screen. */
const LONGEST = 1200;

/**
 * A picture of a text that other phones can read; none where it is too long for that.
 * @param {string} text @param {{ecc?: "L" | "M", label: string}} options
 */
export function qrPicture(text, { ecc = "L", label }) {
  if (text.length > LONGEST) return null;
  const { data, size } = encode(text, { ecc, border: QUIET });
  let dark = "";
  data.forEach((/** @type {boolean[]} */ row, /** @type {number} */ y) =>
    row.forEach((filled, x) => {
      if (filled) dark += `M${x} ${y}h1v1h-1z`;
    }),
  );
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${size} ${size}`);
  svg.setAttribute("class", "qr");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", dark);
  svg.append(path);
  return svg;
}
