/** What a careful person checks on every page: that it fits, reads, is labelled and can be told apart. */

/** Looks at the page as it stands. @param {import("playwright-core").Page} page @returns {Promise<string[]>} what is wrong */
export function inspect(page) {
  return page.evaluate(() => {
    const wrong = [];
    const root = document.documentElement;
    if (root.scrollWidth > window.innerWidth) wrong.push(`scrolls sideways: ${root.scrollWidth} in ${window.innerWidth}${widest()}`);
    if (!/^[a-z]{2}/.test(root.lang)) wrong.push("no language");
    if (document.title === "") wrong.push("no title");
    if (document.querySelectorAll("main").length !== 1) wrong.push("not one main landmark");
    const headings = [...document.querySelectorAll("h1")].filter((one) => one.checkVisibility());
    if (headings.length !== 1) wrong.push(`${headings.length} first headings`);
    const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
    for (const id of ids.filter((one, at) => ids.indexOf(one) !== at)) wrong.push(`two elements are #${id}`);
    for (const image of document.images) if (!image.hasAttribute("alt")) wrong.push(`no alternative text: ${image.src}`);
    for (const element of document.querySelectorAll("[aria-labelledby], [aria-describedby]")) {
      const named = `${element.getAttribute("aria-labelledby") ?? ""} ${element.getAttribute("aria-describedby") ?? ""}`.trim().split(/\s+/);
      for (const id of named) if (!document.getElementById(id)) wrong.push(`#${id} is named but not there`);
    }
    for (const control of document.querySelectorAll("input, select, textarea, button, a[href], iframe, audio, progress, meter")) {
      if (shown(control) && nameOf(control) === "") wrong.push(`no name: ${control.outerHTML.slice(0, 120)}`);
    }
    for (const target of document.querySelectorAll("button, input, select, a.button, summary, label.choice, label.method")) {
      const { width, height } = target.getBoundingClientRect();
      const within = target.closest("label, .code-line");
      if (shown(target) && !within && (width < 44 || height < 44)) wrong.push(`small target ${Math.round(width)}×${Math.round(height)}: ${nameOf(target)}`);
    }
    for (const [element, ratio, needed] of faint()) wrong.push(`contrast ${ratio.toFixed(2)} of ${needed}: “${element.textContent.trim().slice(0, 40)}”`);
    return [...new Set(wrong)];

    function shown(element) {
      return element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && element.getBoundingClientRect().width > 1;
    }

    function widest() {
      const beyond = [...document.querySelectorAll("body *")].find((one) => one.getBoundingClientRect().right > window.innerWidth + 1);
      return beyond ? `: ${beyond.outerHTML.slice(0, 100)}` : "";
    }

    function nameOf(element) {
      const labelled = element.getAttribute("aria-labelledby")?.split(/\s+/).map((id) => document.getElementById(id)?.textContent).join(" ");
      const labels = [...(element.labels ?? [])].map((label) => label.textContent).join(" ");
      const image = element.querySelector?.("img")?.alt ?? "";
      return [labelled, element.getAttribute("aria-label"), labels, element.textContent, element.title, image].find((one) => one?.trim()) ?? "";
    }

    function* faint() {
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      const seen = new Set();
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const element = node.parentElement;
        if (!element || node.textContent.trim() === "" || seen.has(element) || !shown(element)) continue;
        seen.add(element);
        if (element.closest(".visually-hidden, [aria-disabled=true], :disabled, noscript, script")) continue;
        const style = getComputedStyle(element);
        const ground = groundOf(element);
        if (!ground) continue;
        const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && Number(style.fontWeight) >= 700);
        const needed = large ? 3 : 4.5;
        const ratio = contrast(over(colour(style.color), ground), ground);
        if (ratio < needed - 0.005) yield [element, ratio, needed];
      }
    }

    /** The colour behind an element; none where it is a picture. */
    function groundOf(element) {
      const layers = [];
      for (let one = element; one; one = one.parentElement) {
        const style = getComputedStyle(one);
        if (style.backgroundImage !== "none") return null;
        const layer = colour(style.backgroundColor);
        if (layer[3] > 0) layers.push(layer);
        if (layer[3] === 1) break;
      }
      return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
    }

    function colour(text) {
      const canvas = (window.paint ??= new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true }));
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = text;
      canvas.fillRect(0, 0, 1, 1);
      const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
      return [red, green, blue, alpha / 255];
    }

    function over([red, green, blue, alpha], below) {
      return [red, green, blue].map((value, at) => value * alpha + below[at] * (1 - alpha)).concat(1);
    }

    function contrast(one, other) {
      const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
      return (light + 0.05) / (dark + 0.05);
    }

    function luminance(rgb) {
      const [red, green, blue] = rgb.slice(0, 3).map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    }
  });
}
