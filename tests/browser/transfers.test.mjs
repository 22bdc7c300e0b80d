/** Cash from person to person: two people, each with a browser and a wallet of their own. */
import assert from "node:assert/strict";
import { after, afterEach, before } from "node:test";
import { ask } from "./support/ask.mjs";
import { Demo } from "./support/demo.mjs";
import { Person } from "./support/person.mjs";
import { look } from "./support/pictures.mjs";
import { scenario } from "./support/scenario.mjs";
import { firstRun, makeFunded, openHome, seesBalance, unlock } from "./support/wallet-pages.mjs";

/** @type {Demo} */
let demo;
/** @type {Person[]} */
let people = [];

before(async () => {
  demo = await Demo.start();
});
after(() => demo?.end());
afterEach(async () => {
  const gone = people;
  people = [];
  await Promise.all(gone.map((person) => person.goes()));
});

/** @param {object} [options] */
async function person(options) {
  const arrived = await Person.arrives(options);
  people.push(arrived);
  return arrived;
}

const button = (page, name) => page.getByRole("button", { name, exact: true });
const seesHeading = (page, name) => page.getByRole("heading", { name, exact: true }).waitFor();
const says = (page, text) => page.getByRole("status").getByText(text, { exact: true }).waitFor();

/** Fills the form and returns the link that it makes. @returns {Promise<string>} */
async function makeLink(page, { kind, amount, purpose }) {
  await page.getByRole("link", { name: kind, exact: true }).click();
  await seesHeading(page, `${kind} cash`);
  assert.deepEqual(await look(page, `transfer-0-${kind.toLowerCase()}`), []);
  await page.getByLabel("Another amount").fill(amount);
  await page.getByLabel("What for").fill(purpose);
  await button(page, "Make the link").click();
  const link = await page.getByLabel("The link", { exact: true }).inputValue();
  await page.getByRole("img", { name: /^Picture of the link/ }).waitFor();
  return link;
}

scenario("someone sends cash by a link to someone who has no wallet yet", async () => {
  const [sender, payee] = [await person(), await person({ width: 360, height: 740 })];
  await makeFunded(sender.page, demo.wallet);
  const link = await makeLink(sender.page, { kind: "Send", amount: "3.20", purpose: "Lunch <b>on me</b>" });
  assert.deepEqual(await look(sender.page, "transfer-1-sent"), []);
  assert.match(link, new RegExp(`^${demo.wallet}/#receive=[\\w-]{43}&mint=`));
  await says(sender.page, "Not taken yet");

  await payee.page.goto(link);
  await firstRun(payee.page);
  await seesHeading(payee.page, "You are being sent cash");
  await payee.page.getByText("Lunch <b>on me</b>", { exact: true }).first().waitFor();
  assert.ok(await payee.page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), "it fits a small screen");
  assert.deepEqual(await look(payee.page, "transfer-2-offered"), []);
  await button(payee.page, "Take €3.20").click();
  await says(payee.page, "In your wallet");
  assert.ok(!payee.page.url().includes("receive="), "the key does not stay in the address");
  await openHome(payee.page, demo.wallet);
  await seesBalance(payee.page, "€3.20");

  await says(sender.page, "Taken");
  await openHome(sender.page, demo.wallet);
  await seesBalance(sender.page, "€16.80");
  await sender.page.getByRole("region", { name: "From person to person" }).getByText("Sent · Taken", { exact: true }).waitFor();

  assert.deepEqual(await look(sender.page, "transfer-3-home"), []);

  // The link once more, by whoever finds it.
  const late = await person();
  await late.page.goto(link);
  await firstRun(late.page);
  await seesHeading(late.page, "Already taken");
  assert.deepEqual([...sender.complaints, ...payee.complaints], []);
});

scenario("someone asks for cash, and the one who is asked pays", async () => {
  const [payee, payer] = [await person(), await person()];
  await openHome(payee.page, demo.wallet);
  await firstRun(payee.page);
  const link = await makeLink(payee.page, { kind: "Request", amount: "4.00", purpose: "Rent" });
  await says(payee.page, "Not paid yet");

  await makeFunded(payer.page, demo.wallet, "€5.00");
  await payer.page.goto(link);
  await seesHeading(payer.page, "You are asked for cash");
  await payer.page.getByText("Rent", { exact: true }).first().waitFor();
  assert.deepEqual(await look(payer.page, "transfer-4-asked"), []);
  await button(payer.page, "Pay €4.00").click();
  await says(payer.page, "Paid");
  await openHome(payer.page, demo.wallet);
  await seesBalance(payer.page, "€1.00");

  await says(payee.page, "Paid");
  await openHome(payee.page, demo.wallet);
  await seesBalance(payee.page, "€4.00");
  assert.deepEqual([...payee.complaints, ...payer.complaints], []);
});

scenario("who is asked and has too little adds cash first", async () => {
  const [payee, payer] = [await person(), await person()];
  await openHome(payee.page, demo.wallet);
  await firstRun(payee.page);
  const link = await makeLink(payee.page, { kind: "Request", amount: "4.00", purpose: "" });
  await payer.page.goto(link);
  await firstRun(payer.page);
  await seesHeading(payer.page, "You are asked for cash");
  await button(payer.page, "Add cash").click();
  await seesHeading(payer.page, "Add cash");
  await payer.page.getByText("Test account (play money)").waitFor();
  await button(payer.page, "Add cash").click();
  await button(payer.page, "Continue").click();
  await button(payer.page, "Pay €4.00").click();
  await says(payer.page, "Paid");
});

scenario("what was sent is called off, also after the wallet was locked", async () => {
  const [sender, payee] = [await person(), await person()];
  await makeFunded(sender.page, demo.wallet);
  const link = await makeLink(sender.page, { kind: "Send", amount: "5", purpose: "Too much" });
  await button(sender.page, "Lock").click();
  await unlock(sender.page);
  await button(sender.page, "Call it off").click();
  await says(sender.page, "Back in your wallet");
  await openHome(sender.page, demo.wallet);
  await seesBalance(sender.page, "€20.00");

  await payee.page.goto(link);
  await firstRun(payee.page);
  await seesHeading(payee.page, "The money went back");
  assert.deepEqual(sender.complaints, []);
});

scenario("what nobody takes in time comes back by itself", async () => {
  const sender = await person();
  const { page } = sender;
  await makeFunded(page, demo.wallet);
  // The pages offer days; a second is as good to see it expire.
  const sent = await ask(page, "send_person", { amount: { currency: "EUR", minor: 700 }, purpose: "Quick", expires_s: 1 });
  assert.equal(sent.state, "open");
  await openHome(page, demo.wallet);
  await seesBalance(page, "€13.00");
  await page.getByRole("link", { name: /^Quick/ }).click();
  await says(page, "Back in your wallet");
  await openHome(page, demo.wallet);
  await seesBalance(page, "€20.00");
});

scenario("a link that is no link is refused in words", async () => {
  const { page } = await person();
  await openHome(page, demo.wallet);
  await firstRun(page);
  await page.goto(`${demo.wallet}/#receive=AAAA&mint=${demo.mint}`);
  await page.getByRole("alert").waitFor();
  assert.equal(await page.getByRole("button", { name: /^Take/ }).count(), 0);
});
