/** A small catalogue, so that a server is ready in an instant; written as a merchant would write one. */
import { createCipheriv } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { picture, tone } from "./media.mjs";

/** What no page may ever run. It would leave a mark on `window`, and a console error under the page's policy. */
export const HOSTILE = `<img src=x onerror="window.hacked=1"><script>window.hacked=1</script> “A” & <b>B</b> \u202e`;
const HOSTILE_TITLE = HOSTILE.replace(" \u202e", "");

const ARTICLE = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>The article</title><style>p { color: rgb(1, 2, 3) }</style>
<h1>The article</h1><p>A promise is a thing one can check.</p></html>`;

const ATLAS_BYTES = 12_345_678;
/** Above what a wallet opens in memory. */
const ARCHIVE_BYTES = 48_000_000;
const COURSE_LESSON = "<!doctype html><meta charset=utf-8><title>Lesson</title><h1>Lesson one</h1><p>Listen, then look.</p>";

/** Incompressible bytes, the same each time. */
const noise = (bytes) => createCipheriv("aes-128-ctr", Buffer.alloc(16, 1), Buffer.alloc(16)).update(Buffer.alloc(bytes));

/** The download. */
export const atlas = noise(ATLAS_BYTES);

/** The goods: identifier → what the tests need to know of it. */
export const GOODS = {
  article: {
    title: "The article",
    kind: "article",
    price: "3.20",
    minor: 320,
    extra: `picture = "pictures/cover.png"\npicture_alt = "A green square."\nbyline = "A tester"\nminutes = 3\n`,
    parts: [{ file: "article.html", title: "The article", media_type: "text/html", bytes: ARTICLE }],
  },
  course: {
    title: "The course",
    kind: "course",
    price: "12.00",
    minor: 1200,
    extra: "",
    parts: [
      { file: "lesson.html", title: "Lesson one", media_type: "text/html", bytes: COURSE_LESSON },
      { file: "lesson.wav", title: "Lesson one, read aloud", media_type: "audio/wav", bytes: tone(2, 440) },
      { file: "plate.png", title: "The plate", media_type: "image/png", bytes: picture(64, [160, 40, 40]) },
      { file: "notes.txt", title: "The notes", media_type: "text/plain", bytes: "Notes: <b>not bold</b>.\n" },
    ],
  },
  atlas: {
    title: "The atlas",
    kind: "data",
    price: "5.00",
    minor: 500,
    extra: "",
    parts: [{ file: "atlas.zip", title: "The whole atlas", media_type: "application/zip", bytes: atlas }],
  },
  leaflet: {
    title: "The leaflet",
    kind: "article",
    price: "0.00",
    minor: 0,
    extra: "",
    parts: [{ file: "leaflet.html", title: "The leaflet", media_type: "text/html", bytes: "<!doctype html><p>Free for all.</p>" }],
  },
  hostile: {
    title: HOSTILE_TITLE,
    kind: "article",
    price: "0.40",
    minor: 40,
    extra: "",
    parts: [{ file: "hostile.html", title: HOSTILE_TITLE, media_type: "text/html", bytes: "<!doctype html><p>Only a page.</p>" }],
  },
};

/** A large download, for the tests that want one. */
export const archive = () => ({
  archive: {
    title: "The archive",
    kind: "data",
    price: "7.00",
    minor: 700,
    extra: "",
    parts: [{ file: "archive.bin", title: "The whole archive", media_type: "application/octet-stream", bytes: noise(ARCHIVE_BYTES) }],
  },
});

/** Writes the catalogue into a folder. @param {string} folder @param {object} [more] goods beside the usual ones */
export function writeCatalogue(folder, more = {}) {
  mkdirSync(join(folder, "parts"), { recursive: true });
  mkdirSync(join(folder, "pictures"));
  writeFileSync(join(folder, "pictures/cover.png"), picture(80, [20, 90, 60]));
  for (const [order, [id, good]] of Object.entries({ ...GOODS, ...more }).entries()) {
    for (const part of good.parts) writeFileSync(join(folder, "parts", part.file), part.bytes);
    writeFileSync(join(folder, `${id}.md`), card(id, good, order));
  }
}

function card(id, good, order) {
  const text = (value) => JSON.stringify(value);
  const part = ({ file, title, media_type }) =>
    `[[part]]\nfile = "parts/${file}"\ntitle = ${text(title)}\nmedia_type = "${media_type}"\n`;
  return `+++
id = "${id}"
title = ${text(good.title)}
summary = ${text(`What it is: ${good.title}`)}
kind = "${good.kind}"
language = "en"
price = "${good.price}"
currency = "EUR"
vat_rate = "7"
order = ${order}
${good.extra}${good.parts.map(part).join("")}+++
About **${id}**. ${id === "hostile" ? HOSTILE : ""}
`;
}
