/** A person without a mouse: Tab, arrows, Space and Enter, and eyes for where the focus is. */
import assert from "node:assert/strict";

const STEPS_MAX = 60;

/** Presses Tab until the focus is on what has this name. @param {import("playwright-core").Page} page @param {string | RegExp} name */
export async function tabTo(page, name) {
  const passed = [];
  for (let step = 0; step < STEPS_MAX; step += 1) {
    await page.keyboard.press("Tab");
    const focus = await focused(page);
    if (focus === null) continue;
    assert.ok(focus.visible, `the focus on “${focus.name}” is not to be seen`);
    if (typeof name === "string" ? focus.name === name : name.test(focus.name)) return focus;
    passed.push(focus.name);
  }
  throw new Error(`Tab does not lead to ${name}; it leads past ${passed.join(", ")}`);
}

/** Goes to a button or link and presses Enter. */
export async function pressByKey(page, name) {
  await tabTo(page, name);
  await page.keyboard.press("Enter");
}

/** Goes to a field and types. */
export async function typeByKey(page, name, text) {
  await tabTo(page, name);
  await page.keyboard.type(text);
}

/** Goes into a group of radio buttons, and with the arrows to one of them. */
export async function chooseByKey(page, group, name) {
  for (let step = 0; step < STEPS_MAX; step += 1) {
    const focus = await focused(page);
    if (focus?.group === group) break;
    await page.keyboard.press("Tab");
  }
  await page.keyboard.press("Space");
  for (let step = 0; step < STEPS_MAX; step += 1) {
    const focus = await focused(page);
    assert.equal(focus?.group, group, `the focus stays in “${group}”`);
    assert.ok(focus.visible, `the focus on “${focus.name}” is not to be seen`);
    if (focus.name === name) return;
    await page.keyboard.press("ArrowDown");
  }
  throw new Error(`the arrows do not lead to ${name}`);
}

/** What has the focus: its name, its group, and whether one sees that it has it. */
function focused(page) {
  return page.evaluate(() => {
    let element = document.activeElement;
    while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
    if (!element || element === document.body) return null;
    const text = (one) => one?.textContent?.trim().replace(/\s+/g, " ") ?? "";
    const name = element.getAttribute("aria-label") ?? (element.labels?.length ? text(element.labels[0]) : text(element));
    const ring = (one) => {
      const { outlineStyle, outlineWidth } = getComputedStyle(one);
      return outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
    };
    // A link that covers its card has the ring around the card, a choice around its label.
    const around = [element];
    while (around.at(-1).parentElement) around.push(around.at(-1).parentElement);
    const visible = around.some(ring);
    return { name, group: text(element.closest("fieldset")?.querySelector("legend")), visible };
  });
}
