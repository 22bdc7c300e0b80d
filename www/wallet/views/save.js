import { h } from "/common/dom.js";

const RELEASE_MS = 60_000;

/** Gives a blob to the browser's downloads. @param {Blob} blob @param {string} name */
export function saveBlob(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = h("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), RELEASE_MS);
}

const EXTENSIONS = /** @type {Record<string, string>} */ ({
  "text/html": "html", "text/csv": "csv", "text/plain": "txt", "text/markdown": "md", "application/json": "json",
  "application/pdf": "pdf", "application/zip": "zip", "application/gzip": "gz", "application/epub+zip": "epub",
  "audio/mpeg": "mp3", "audio/ogg": "ogg", "audio/opus": "opus", "audio/wav": "wav", "audio/mp4": "m4a",
  "image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "image/svg+xml": "svg", "video/mp4": "mp4", "video/webm": "webm",
});

/** A file name for a part: its own when it has an ending, else with that of its type. @param {{name: string, media_type: string}} part */
export function fileName({ name, media_type }) {
  const ending = EXTENSIONS[media_type.split(";")[0]?.trim() ?? ""];
  const plain = name.replace(/[/\\]/g, "-");
  return /\.\w{2,5}$/.test(plain) || !ending ? plain : `${plain}.${ending}`;
}

/** How the reader can show a media type; `null` when it can only be saved. @param {string} mediaType */
export function readingKind(mediaType) {
  const type = mediaType.split(";")[0]?.trim() ?? "";
  if (type === "text/html") return "page";
  if (type.startsWith("image/")) return "image";
  if (type.startsWith("audio/")) return "audio";
  if (type.startsWith("video/")) return "video";
  if (type === "text/plain" || type === "text/markdown") return "text";
  return null;
}
