import { h, icon } from "/common/dom.js";
import { t } from "/common/i18n.js";
import { codeOf } from "../client.js";
import { transferProgress } from "./library.js";
import { fileName, readingKind, saveBlob } from "./save.js";

/** @typedef {import("../shell.js").Context} Context */

/** One part of what was bought, opened in place. @param {Context} context @param {string[]} parameters */
export async function readerView(context, [deal = "", name = ""]) {
  const library = await context.wallet.call("library");
  const good = library.find((/** @type {any} */ one) => one.deal === deal);
  const part = good?.parts.find((/** @type {any} */ one) => one.name === name);
  if (!part) return { title: t("failed"), content: h("semper-error", { value: { code: "not-found", page: true } }) };

  const aborter = new AbortController();
  /** @type {(() => void)[]} */
  const cleanUp = [() => aborter.abort()];
  const stage = h("div", { class: "stage" });
  const save = h("button", { class: "button quiet", type: "button", disabled: true }, icon("download"), h("span", {}, t("library.save")));
  const content = h(
    "div",
    { class: "reader" },
    h(
      "div",
      { class: "reader-bar" },
      h("a", { class: "button quiet", href: "#/library" }, icon("back"), h("span", {}, t("nav.library"))),
      h("h1", {}, part.title),
      turnButtons(good, part),
      save,
    ),
    stage,
  );

  async function open() {
    const progress = h("semper-progress", { value: { label: t("library.begin") } });
    stage.replaceChildren(h("div", { class: "waiting" }, progress));
    try {
      const { blob } = await context.wallet.call("open_part", { deal, part: name }, {
        signal: aborter.signal,
        onProgress: (at) => Object.assign(progress, { value: transferProgress(at) }),
      });
      save.disabled = false;
      save.onclick = () => saveBlob(blob, fileName(part));
      stage.replaceChildren(await show(blob, part, cleanUp));
    } catch (error) {
      const code = codeOf(error);
      if (code === "wallet-locked") context.again();
      else if (code !== "cancelled") stage.replaceChildren(h("semper-error", { value: { code, retry: open } }));
    }
  }

  open();
  return { title: part.title, content, bare: true, leave: () => cleanUp.forEach((clean) => clean()) };
}

/** To the part before and the part after, of those that can be read. @param {{deal: string, parts: {name: string, title: string, media_type: string}[]}} good @param {object} part */
function turnButtons(good, part) {
  const readable = good.parts.filter((one) => one === part || readingKind(one.media_type));
  const at = readable.findIndex((one) => one === part);
  /** @param {{name: string, title: string} | undefined} to @param {string} picture @param {string} label */
  const turn = (to, picture, label) =>
    to
      ? h("a", { class: "button quiet", href: `#/read/${good.deal}/${encodeURIComponent(to.name)}`, "aria-label": t(label, { title: to.title }), title: to.title }, icon(picture))
      : null;
  return h("div", { class: "turn" }, turn(readable[at - 1], "back", "reader.previous"), turn(readable[at + 1], "next", "reader.next"));
}

/** @param {Blob} blob @param {{title: string, media_type: string}} part @param {(() => void)[]} cleanUp */
async function show(blob, part, cleanUp) {
  const kind = readingKind(part.media_type);
  if (kind === "page") return showPage(blob, part.title, cleanUp);
  if (kind === "text") return h("pre", { class: "plain-text", tabindex: "0" }, await blob.text());
  const url = URL.createObjectURL(blob);
  cleanUp.push(() => URL.revokeObjectURL(url));
  if (kind === "image") return h("img", { src: url, alt: part.title });
  if (kind === "audio") return h("div", { class: "listen" }, h("div", { class: "big-icon" }, icon("sound")), h("p", {}, part.title), h("audio", { src: url, controls: true, autoplay: true, "aria-label": part.title }));
  if (kind === "video") return h("video", { src: url, controls: true, "aria-label": part.title });
  return h("semper-empty", { value: { icon: "file", title: part.title, text: t("reader.saveonly") } });
}

/**
 * A bought page must be able to style itself, and to do nothing else: no script, no request, no reach into this origin. A `blob:` or
 * `srcdoc` frame would inherit this page's policy, which forbids the styles too; so the service worker answers `/view/{id}` with the
 * bytes from here and a policy of their own (`sandbox`, see sw.js). It asks this page for them by message, so nothing is stored in clear.
 * @param {Blob} blob @param {string} title @param {(() => void)[]} cleanUp
 */
async function showPage(blob, title, cleanUp) {
  const registration = await Promise.race([navigator.serviceWorker?.ready, new Promise((resolve) => setTimeout(resolve, 4000))]);
  if (!registration) return h("semper-empty", { value: { icon: "file", title, text: t("reader.noworker") } });
  const id = crypto.randomUUID();
  const answer = (/** @type {MessageEvent} */ event) => {
    if (event.data.type === "view" && event.data.id === id) event.ports[0]?.postMessage({ blob });
  };
  navigator.serviceWorker.addEventListener("message", answer);
  navigator.serviceWorker.startMessages();
  cleanUp.push(() => navigator.serviceWorker.removeEventListener("message", answer));
  return h("iframe", { src: `/view/${id}`, title });
}
