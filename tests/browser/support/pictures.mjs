/** Pages looked at in all four clothes: the width of a telephone and of a desk, by day and by night. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "./inspection.mjs";
import { ROOT } from "./programs.mjs";

const PICTURES = join(ROOT, "target/screenshots");
const WIDTHS = { 360: 740, 1440: 900 };

/** Takes the page's pictures once it stands, and returns what is wrong with it. @param {import("playwright-core").Page} page @param {string} name @returns {Promise<string[]>} */
export async function look(page, name) {
  mkdirSync(PICTURES, { recursive: true });
  // A page that asks its server first has no words when it has loaded.
  await page.locator("h1:visible").first().waitFor();
  const before = page.viewportSize();
  const wrong = [];
  for (const [width, height] of Object.entries(WIDTHS)) {
    await page.setViewportSize({ width: Number(width), height });
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      const found = await inspect(page);
      wrong.push(...found.map((what) => `${name}, ${width} ${colorScheme}: ${what}`));
      await page.screenshot({ path: join(PICTURES, `${name}-${width}-${colorScheme}.png`), fullPage: true });
    }
  }
  if (before) await page.setViewportSize(before);
  await page.emulateMedia({ colorScheme: null });
  return wrong;
}
