/** What a person does on the wallet's pages, by what they read there. */
import assert from "node:assert/strict";

export const PASSPHRASE = "correct horse battery";

const button = (page, name) => page.getByRole("button", { name, exact: true });

/** A new wallet: words shown, three of them confirmed, passphrase. @returns {Promise<string>} the words */
export async function firstRun(page, passphrase = PASSPHRASE) {
  await button(page, "Make a wallet").click();
  await page.getByRole("heading", { name: "Write down these twelve words" }).waitFor();
  const words = await page.getByRole("listitem").allInnerTexts();
  assert.equal(words.length, 12);
  await button(page, "I have written them down").click();
  const questions = page.getByRole("group", { name: /^Word number/ });
  await questions.first().waitFor();
  for (const question of await questions.all()) {
    const number = Number(/\d+/.exec(await question.locator("legend").innerText())[0]);
    await question.getByRole("radio", { name: words[number - 1], exact: true }).check();
  }
  await button(page, "That is right").click();
  await choosePassphrase(page, passphrase);
  await button(page, "Finish").click();
  return words.join(" ");
}

export async function choosePassphrase(page, passphrase) {
  await page.getByLabel("New passphrase").fill(passphrase);
  await page.getByLabel("The same once more").fill(passphrase);
}

export async function unlock(page, passphrase = PASSPHRASE) {
  await page.getByRole("heading", { name: "Your wallet is locked" }).waitFor();
  await page.getByLabel("Passphrase", { exact: true }).fill(passphrase);
  await button(page, "Unlock").click();
}

/** Adds one of the proposed amounts from the test account. @param {import("playwright-core").Page} page @param {string} amount as it is shown */
export async function addCash(page, amount = "€20.00") {
  await page.getByRole("heading", { name: "Add cash" }).waitFor();
  await page.getByText("Test account (play money)").waitFor();
  await page.getByRole("radio", { name: amount, exact: true }).check();
  await button(page, "Add cash").click();
  await page.getByRole("heading", { name: `${amount} added` }).waitFor();
  await button(page, "Continue").click();
}

/** Opens the wallet's home. @param {import("playwright-core").Page} page @param {string} wallet */
export async function openHome(page, wallet) {
  await page.goto(`${wallet}/#/`);
}

/** A funded wallet, its home on the screen. @returns {Promise<string>} the words */
export async function makeFunded(page, wallet, amount = "€20.00") {
  await openHome(page, wallet);
  const words = await firstRun(page);
  await page.getByRole("link", { name: "Add cash" }).click();
  await addCash(page, amount);
  await seesBalance(page, amount);
  return words;
}

/** Waits until the home page shows this balance. */
export async function seesBalance(page, amount) {
  const region = page.getByRole("region", { name: "Cash in this wallet" });
  await region.getByText(amount, { exact: true }).waitFor();
}

/** The confirmation's button. */
export function payButton(page, amount) {
  return button(page, `Pay ${amount}`);
}

/** Presses a button that closes its own window, perhaps before the press is done. @param {import("playwright-core").Page} popup */
export async function pressAndClose(popup, name) {
  const pressed = button(popup, name).click().catch((error) => {
    if (!/has been closed/.test(error.message)) throw error;
  });
  await Promise.all([popup.isClosed() || popup.waitForEvent("close"), pressed]);
}

/** Opens a part in the reader. @param {string} title */
export async function openPart(page, wallet, title) {
  await page.goto(`${wallet}/#/library`);
  await page.getByRole("link", { name: `Open ${title}`, exact: true }).click();
}

/** The page that the reader shows. */
export function readerFrame(page, title) {
  return page.frameLocator(`iframe[title="${title}"]`);
}
