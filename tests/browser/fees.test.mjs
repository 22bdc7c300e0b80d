/** Fees: what the mint takes is shown before money moves, and taken exactly. */
import assert from "node:assert/strict";
import { after, afterEach, before } from "node:test";
import { Demo } from "./support/demo.mjs";
import { Person } from "./support/person.mjs";
import { look } from "./support/pictures.mjs";
import { scenario } from "./support/scenario.mjs";
import { press, seesYours } from "./support/shop-pages.mjs";
import { firstRun, openHome, payButton, seesBalance } from "./support/wallet-pages.mjs";

/** @type {Demo} */
let demo;
/** @type {Person | undefined} */
let person;

before(async () => {
  demo = await Demo.start();
  await demo.reconfigure((text) => `${text}\n[mint.fees]\nwithdraw_minor = 1\ndeposit_minor = 2\nrefresh_minor = 3\n`);
});
after(() => demo?.end());
afterEach(async () => {
  await person?.goes();
  person = undefined;
});

/** The cents of the amounts in a text. @param {string} text */
const cents = (text) => [...text.matchAll(/€(\d+)\.(\d\d)/g)].map(([, euros, rest]) => Number(euros) * 100 + Number(rest));
/** @param {number} minor */
const euros = (minor) => `€${Math.floor(minor / 100)}.${String(minor % 100).padStart(2, "0")}`;

scenario("the fee is shown when cash is added and when it is paid, and is what it costs", async () => {
  person = await Person.arrives();
  const { page } = person;
  await openHome(page, demo.wallet);
  await firstRun(page);
  await page.getByRole("link", { name: "Add cash" }).click();
  await page.getByRole("heading", { name: "Add cash" }).waitFor();
  await page.getByRole("radio", { name: "€20.00", exact: true }).check();
  const cost = page.getByText(/^Fee of the bank of issue €/);
  await cost.waitFor();
  const [fee, left] = cents(await cost.innerText());
  assert.equal(fee + left, 2_000);
  assert.ok(fee > 0);
  assert.deepEqual(await look(page, "fees-1-add-cash"), []);
  await page.getByRole("button", { name: "Add cash", exact: true }).click();
  await page.getByRole("heading", { name: `${euros(left)} added` }).waitFor();
  await page.getByRole("button", { name: "Continue", exact: true }).click();
  await seesBalance(page, euros(left));

  const popup = await press(page, demo, "article");
  const line = popup.getByText(/^Fee of the bank of issue €.*total €/);
  await line.waitFor();
  const [taken, total] = cents(await line.innerText());
  assert.equal(total, 320 + taken);
  assert.ok(taken >= 2);
  assert.deepEqual(await look(popup, "fees-2-confirm"), []);
  await payButton(popup, "€3.20").click();
  await Promise.all([seesYours(page), popup.isClosed() || popup.waitForEvent("close")]);
  await openHome(page, demo.wallet);
  await seesBalance(page, euros(left - total));
});
