/** What a person does in the shop, by what they read there. */
import { GOODS } from "./catalogue.mjs";

/** What the button on a good's page says. @param {string} id */
export function buyButton(page, id) {
  const { minor, price } = GOODS[id];
  return page.getByRole("button", { name: minor === 0 ? "Get it for free" : `Buy for €${price}`, exact: true });
}

/** Presses "buy" on a good's page; the wallet's window opens. @returns {Promise<import("playwright-core").Page>} */
export async function press(page, demo, id) {
  await page.goto(demo.good(id));
  const [popup] = await Promise.all([page.waitForEvent("popup"), buyButton(page, id).click()]);
  return popup;
}

/** Buys a good with a wallet that is open and has enough in it, until the shop's page says that it is theirs. */
export async function buy(page, demo, id) {
  const popup = await press(page, demo, id);
  const { minor, price } = GOODS[id];
  await popup.getByRole("button", { name: minor === 0 ? "Get it for free" : `Pay €${price}`, exact: true }).click();
  await Promise.all([seesYours(page), popup.isClosed() || popup.waitForEvent("close")]);
}

/** Waits until the shop's page says that the good is theirs. */
export async function seesYours(page) {
  await page.getByText("It is in your wallet’s library, with the receipt.").waitFor();
}
