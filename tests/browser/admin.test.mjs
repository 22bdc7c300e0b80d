/** The operator's page: cash and cards in one list, and one button that gives money back whichever paid. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before } from "node:test";
import { CommandLineWallet } from "./support/command-line.mjs";
import { Demo } from "./support/demo.mjs";
import { Person } from "./support/person.mjs";
import { look } from "./support/pictures.mjs";
import { scenario } from "./support/scenario.mjs";

/** @type {Demo} */
let demo;
/** @type {Person | undefined} */
let person;
/** @type {CommandLineWallet | undefined} */
let customer;

before(async () => {
  demo = await Demo.start();
});
after(() => demo?.end());
afterEach(async () => {
  await person?.goes();
  customer?.end();
  person = customer = undefined;
});

const button = (place, name) => place.getByRole("button", { name, exact: true });

scenario("the operator sees every payment and gives money back, by cash and by card", async () => {
  customer = await CommandLineWallet.funded("20.00", demo.mint);
  await customer.json("card", "add", "--number", "4242424242424242", "--expiry", "12/38", "--gateway", demo.gateway);
  await customer.buy(`${demo.merchant}/offers/article`);
  await customer.json("prefer", "card");
  await customer.buy(`${demo.merchant}/offers/atlas`);

  person = await Person.arrives();
  person.expects(/401/);
  const { page } = person;
  await page.goto(`${demo.merchant}/admin`);
  const token = page.getByLabel("The operator’s token");
  await token.fill("something else");
  await button(page, "Show payments").click();
  await page.getByText("That is not the operator’s token").waitFor();
  await token.fill((await readFile(join(demo.data, "merchant", "admin.token"), "utf8")).trim());
  await button(page, "Show payments").click();

  const row = (title) => page.getByRole("listitem").filter({ hasText: title });
  await row("The atlas").getByText("Card").waitFor();
  await row("The article").getByText("Cash").waitFor();
  assert.equal(await page.getByRole("listitem").count(), 2);

  for (const [title, whole] of [["The article", "3.20"], ["The atlas", "5.00"]]) {
    await button(row(title), `Refund ${title}`).click();
    const amount = row(title).getByLabel(/^Amount, at most/);
    assert.equal(await amount.inputValue(), whole);
    await amount.fill("99");
    await button(row(title), "Give back").click();
    await row(title).getByText("Give back at most what is left of the payment").waitFor();
    await amount.fill("1.20");
    await row(title).getByLabel("Reason, for the customer to read").fill("One picture <b>is missing</b>");
    await button(row(title), "Give back").click();
    await row(title).getByText("€1.20 are back with the customer.").waitFor();
    await row(title).getByText("€1.20 refunded").waitFor();
  }

  const found = await customer.json("refunds");
  assert.deepEqual(found.map((refund) => [refund.amount.minor, refund.reason]), [[120, "One picture <b>is missing</b>"], [120, "One picture <b>is missing</b>"]]);
  assert.equal((await customer.json("balance")).EUR, 2000 - 320 + 120);
  const deals = await customer.json("deals");
  assert.deepEqual(deals.map((deal) => deal.refunded.minor), [120, 120], "one history for both");
  assert.deepEqual(person.complaints, []);
});

/** Asks until the answer is the one that is waited for. @param {() => Promise<unknown>} ask */
async function until(ask) {
  for (const end = Date.now() + 20_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 100))) {
    if (await ask()) return;
  }
  throw new Error("it did not happen");
}

const payloadOf = (jws) => JSON.parse(Buffer.from(jws.split(".")[1], "base64url").toString());

scenario("a refund of which a part is not given back says so, and the rest can be tried again", async () => {
  customer = await CommandLineWallet.funded("5.00", demo.mint);
  await customer.json("card", "add", "--number", "4000000000000259", "--expiry", "12/38", "--gateway", demo.gateway);
  const offer = `${demo.merchant}/offers/article`;
  await until(async () => payloadOf(await (await fetch(offer)).text()).split);
  const { deal } = await customer.buy(offer, "--split", "ecash=2.00,card");
  const { statements } = await customer.evidence(deal);
  const { common } = statements.map(payloadOf).find(({ operation }) => operation === "capture");
  await until(async () => (await (await fetch(`${demo.gateway}/authorisations/${common}`)).json()).state === "charged-back");

  person = await Person.arrives({ width: 360, height: 780 });
  const { page } = person;
  await page.goto(`${demo.merchant}/admin`);
  await page.getByLabel("The operator’s token").fill((await readFile(join(demo.data, "merchant", "admin.token"), "utf8")).trim());
  await button(page, "Show payments").click();
  const row = page.getByRole("listitem").filter({ hasText: "Cash €2.00" });
  await button(row, "Refund The article").click();
  await button(row, "Give back").click();
  await row.getByText("€2.00 of €3.20 went back. The rest did not, and can be refunded again.").waitFor();
  await row.getByText("authorisation-closed").waitFor();
  await row.getByText("€2.00 refunded").waitFor();
  assert.deepEqual(await look(page, "admin-partly"), []);
  await button(row, "Refund The article").click();
  assert.equal(await row.getByLabel(/^Amount, at most/).inputValue(), "1.20");
  assert.equal((await customer.json("refunds"))[0].amount.minor, 200);
  assert.deepEqual(person.complaints, []);
});
