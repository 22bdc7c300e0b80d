/** Refunds: a purchase, the merchant gives money back, the wallet shows it, and the money pays again. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before } from "node:test";
import { Demo } from "./support/demo.mjs";
import { Person } from "./support/person.mjs";
import { look } from "./support/pictures.mjs";
import { scenario } from "./support/scenario.mjs";
import { buy } from "./support/shop-pages.mjs";
import { makeFunded, openHome, seesBalance } from "./support/wallet-pages.mjs";

/** @type {Demo} */
let demo;
/** @type {Person | undefined} */
let person;

before(async () => {
  demo = await Demo.start();
});
after(() => demo?.end());
afterEach(async () => {
  await person?.goes();
  person = undefined;
});

/** As the merchant's operator does. @param {string} path @param {object} [body] */
async function operator(path, body) {
  const token = (await readFile(join(demo.data, "merchant", "admin.token"), "utf8")).trim();
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const answer = await fetch(`${demo.merchant}/admin${path}`, body ? { method: "POST", headers, body: JSON.stringify(body) } : { headers });
  const said = await answer.json();
  assert.equal(answer.status, 200, JSON.stringify(said));
  return said;
}

const seesHeading = (page, name) => page.getByRole("heading", { name, exact: true }).waitFor();

scenario("the shop gives money back in two parts, and it pays again", async () => {
  person = await Person.arrives();
  const { page } = person;
  await makeFunded(page, demo.wallet);
  await buy(page, demo, "article");
  const [{ deal }] = (await operator("/deals")).deals;
  const refund = (minor, reason) =>
    operator(`/deals/${deal}/refunds`, { refund: randomBytes(16).toString("base64url"), amount: { currency: "EUR", minor }, reason });
  await refund(120, "One picture <b>is missing</b>");

  await page.goto(`${demo.wallet}/#/deal/${deal}`);
  const back = page.getByRole("region", { name: "Money back" });
  await back.getByText("One picture <b>is missing</b>", { exact: true }).waitFor();
  await back.getByText("€1.20", { exact: true }).waitFor();
  await back.getByText("It is in this wallet again and can be spent.", { exact: true }).waitFor();
  await page.getByRole("listitem").getByText("Refunded", { exact: true }).waitFor();
  await page.getByText("Refund, signed by the shop", { exact: true }).waitFor();
  assert.deepEqual(await look(page, "refund-1-deal"), []);
  await openHome(page, demo.wallet);
  await seesBalance(page, "€18.00");
  await page.getByText("€1.20 came back").waitFor();

  // The rest, while the page is closed; the next look finds it.
  await refund(200, "");
  await page.getByRole("link", { name: /^The article/ }).click();
  await seesHeading(page, "Money back");
  await back.getByText("The shop gave no reason", { exact: true }).waitFor();
  await back.getByText("€2.00", { exact: true }).waitFor();
  await openHome(page, demo.wallet);
  await seesBalance(page, "€20.00");

  await page.goto(`${demo.merchant}/orders`);
  await page.getByText("€3.20 refunded").waitFor();
  assert.deepEqual(await look(page, "refund-2-orders"), []);

  // Every cent of it pays again: more than was left before the refunds.
  await buy(page, demo, "course");
  await openHome(page, demo.wallet);
  await seesBalance(page, "€8.00");
  assert.deepEqual(person.complaints, []);
});
