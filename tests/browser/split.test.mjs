/** One price in coins and by card, as a person pays it: both amounts are shown before anything is signed, and both are taken, or neither. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before } from "node:test";
import { balance, deals } from "./support/ask.mjs";
import { Demo } from "./support/demo.mjs";
import { Person } from "./support/person.mjs";
import { look } from "./support/pictures.mjs";
import { scenario } from "./support/scenario.mjs";
import { press, seesYours } from "./support/shop-pages.mjs";
import { addCash, firstRun, openHome, payButton, seesBalance } from "./support/wallet-pages.mjs";

const APPROVED = "4242 4242 4242 4242";
const DECLINED = "4000 0000 0000 0002";
const STEP_UP = "4000 0027 6000 3184";
const SUM = "Pay €5.00 with coins, the rest €7.00 by card. Both are taken, or neither.";

/** @type {Demo} */
let demo;
/** @type {Person[]} */
let people = [];

before(async () => {
  demo = await Demo.start();
  await sharesPrices();
});
after(() => demo?.end());
afterEach(async () => {
  const gone = people;
  people = [];
  await Promise.all(gone.map((person) => person.goes()));
});

/** Shop and gateway meet right after the start; offers let coins and a card share a price from then on. */
async function sharesPrices() {
  for (const end = Date.now() + 20_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 100))) {
    const offer = await (await fetch(`${demo.merchant}/offers/course`)).text();
    if (JSON.parse(Buffer.from(offer.split(".")[1], "base64url").toString()).split) return;
  }
  throw new Error("the shop lets nothing share a price");
}

const button = (page, name) => page.getByRole("button", { name, exact: true });
const heading = (page, name) => page.getByRole("heading", { name, exact: true });
const together = (page) => page.getByRole("radio", { name: /^Cash and card together/ });

/** Someone new with €5.00 and a card, who wants the course for €12.00: at the confirmation. */
async function atTheConfirmation(number) {
  const someone = await Person.arrives({ width: 360, height: 780 });
  people.push(someone);
  const popup = await press(someone.page, demo, "course");
  await firstRun(popup);
  await heading(popup, "Confirm your purchase").waitFor();
  await button(popup, "Add cash").click();
  await addCash(popup, "€5.00");
  await heading(popup, "Confirm your purchase").waitFor();
  assert.equal(await together(popup).count(), 0, "there is no card yet");
  await button(popup, "Use a card").click();
  await popup.getByLabel("Card number").fill(number);
  await popup.getByLabel("Valid until").fill("12/40");
  await button(popup, "Add the card").click();
  await popup.getByText("Not enough: €5.00 available").waitFor();
  await together(popup).check();
  return { someone, page: someone.page, popup };
}

async function operator(path, body) {
  const token = (await readFile(join(demo.data, "merchant", "admin.token"), "utf8")).trim();
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const answer = await fetch(`${demo.merchant}/admin${path}`, body ? { method: "POST", headers, body: JSON.stringify(body) } : { headers });
  const said = await answer.json();
  assert.equal(answer.status, 200, JSON.stringify(said));
  return said;
}

scenario("what there is in coins, the rest by card, one receipt, and one refund to both", async () => {
  const { someone, page, popup } = await atTheConfirmation(APPROVED);
  await popup.getByText(SUM, { exact: true }).waitFor();
  assert.deepEqual(await look(popup, "split-1-confirm"), []);

  // The amount in coins is the person's; what is no part of the price is not signed.
  const coins = popup.getByRole("textbox", { name: "In coins" });
  await coins.fill("4.50");
  await popup.getByText("Pay €4.50 with coins, the rest €7.50 by card. Both are taken, or neither.", { exact: true }).waitFor();
  for (const wrong of ["12", "0", "much"]) {
    await coins.fill(wrong);
    await payButton(popup, "€12.00").click();
    await popup.getByText("More than nothing and less than €12.00, such as 1.50", { exact: true }).waitFor();
  }
  assert.deepEqual(await look(popup, "split-2-wrong"), []);
  await coins.fill("5.00");
  await popup.getByText(SUM, { exact: true }).waitFor();
  await payButton(popup, "€12.00").click();
  await seesYours(page);

  await openHome(page, demo.wallet);
  const [line] = await deals(page);
  assert.deepEqual(line.split.map(({ module, amount }) => [module, amount.minor]), [["ecash", 500], ["card", 700]]);
  await page.goto(`${demo.wallet}/#/deal/${line.deal}`);
  const receipt = page.locator("semper-receipt");
  for (const [term, amount] of [["Paid", "€12.00"], ["in coins", "€5.00"], ["by card", "€7.00"]]) {
    await receipt.getByText(term, { exact: true }).waitFor();
    await receipt.getByText(amount, { exact: true }).waitFor();
  }
  assert.equal(await page.getByText("Receipt, signed by the shop", { exact: true }).count(), 1);
  assert.deepEqual(await look(page, "split-3-deal"), []);

  const listed = (await operator("/deals")).deals.find(({ deal }) => deal === line.deal);
  assert.deepEqual(listed.split.map(({ amount }) => amount.minor), [500, 700]);
  const refund = { refund: randomBytes(16).toString("base64url"), amount: { currency: "EUR", minor: 800 }, reason: "The last lesson is missing" };
  await operator(`/deals/${line.deal}/refunds`, refund);
  await page.reload();
  const back = page.getByRole("region", { name: "Money back" });
  await back.getByText("€7.00", { exact: true }).waitFor();
  await back.getByText("€1.00", { exact: true }).waitFor();
  await back.getByText(/· to the card$/).waitFor();
  await back.getByText(/· in coins$/).waitFor();
  // One refund, whichever ways it went.
  const timeline = page.getByRole("region", { name: "What happened" });
  await timeline.getByRole("listitem").filter({ hasText: "Refunded · €8.00" }).waitFor();
  assert.equal(await timeline.getByText("Refunded", { exact: true }).count(), 1);
  const named = await page.getByRole("region", { name: "Signed statements" }).locator("summary").allTextContents();
  assert.ok(named.includes("Confirmation by the card gateway"), named.join());
  assert.deepEqual(named.filter((name) => name.startsWith("semper-")), []);
  assert.deepEqual(await look(page, "split-4-refund"), []);
  await openHome(page, demo.wallet);
  await seesBalance(page, "€1.00");
  assert.deepEqual(someone.complaints, []);
});

scenario("a card that is declined leaves the coins in the wallet", async () => {
  const { someone, page, popup } = await atTheConfirmation(DECLINED);
  someone.expects(/402/);
  await payButton(popup, "€12.00").click();
  await heading(popup, "The card was declined").waitFor();
  await openHome(page, demo.wallet);
  await seesBalance(page, "€5.00");
  const [deal] = await deals(page);
  assert.deepEqual([deal.state, await balance(page)], ["refused", 500]);
  await page.goto(`${demo.wallet}/#/deal/${deal.deal}`);
  await page.getByText(/Nothing was taken of either part/).waitFor();
  // What was refused was not bought, and not paid.
  const facts = page.locator("semper-receipt");
  assert.deepEqual((await facts.locator("dt").allTextContents()).slice(0, 3), ["Ordered", "From", "Price"]);
  assert.equal(await facts.getByText("Paid", { exact: true }).count(), 0);
  assert.deepEqual(await look(page, "split-5-declined"), []);
  assert.deepEqual(someone.complaints, []);
});

scenario("the bank asks for the card's part, and the person approves it", async () => {
  const { someone, page, popup } = await atTheConfirmation(STEP_UP);
  someone.expects(/402/);
  await payButton(popup, "€12.00").click();
  await heading(popup, "Your bank asks: is this you?").waitFor();
  await popup.locator("semper-amount").getByText("€7.00", { exact: true }).waitFor();
  await button(popup, "Approve €7.00").click();
  await seesYours(page);
  assert.deepEqual(someone.complaints, []);
});
