/** Invoices as a person uses them: shown with a QR code that other people's readers can read, paid at a bank, and delivered. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before } from "node:test";
import jsqr from "jsqr";
import { PNG } from "pngjs";
import { deals } from "./support/ask.mjs";
import { Demo } from "./support/demo.mjs";
import { Person } from "./support/person.mjs";
import { look } from "./support/pictures.mjs";
import { scenario } from "./support/scenario.mjs";
import { press, seesYours } from "./support/shop-pages.mjs";
import { firstRun, openHome, payButton } from "./support/wallet-pages.mjs";

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

const button = (page, name) => page.getByRole("button", { name, exact: true });
const heading = (page, name) => page.getByRole("heading", { name, exact: true });

/** Someone new who wants the article on invoice: their wallet's window, with the terms to choose from. */
async function byInvoice() {
  const someone = await Person.arrives({ width: 360, height: 780 });
  people.push(someone);
  const popup = await press(someone.page, demo, "article");
  await firstRun(popup);
  await heading(popup, "Confirm your purchase").waitFor();
  await button(popup, "Pay by invoice").click();
  await popup.getByRole("radio", { name: /Invoice, transfer first/ }).waitFor();
  return { someone, page: someone.page, popup };
}

/** What an independent reader makes of the picture of a QR code. @returns {Promise<string[]>} the lines */
async function scan(page) {
  const picture = page.getByRole("img", { name: /^QR code of the transfer/ });
  // Not behind the bar at the bottom.
  await picture.evaluate((element) => element.scrollIntoView({ block: "center" }));
  const { data, width, height } = PNG.sync.read(await picture.screenshot());
  const read = jsqr(new Uint8ClampedArray(data), width, height);
  assert.ok(read, "the picture is a QR code");
  return read.data.split("\n");
}

/** What the sheet says beside its picture. */
async function fact(page, name) {
  return page.locator("dt", { hasText: name }).locator("xpath=following-sibling::dd[1]").innerText();
}

const together = (text) => text.replaceAll(/\s/g, "");

scenario("an invoice is scanned, paid, and the goods come by themselves", async () => {
  const { someone, page, popup } = await byInvoice();
  someone.expects(/402/);
  await payButton(popup, "€3.20").click();
  await heading(popup, "Transfer €3.20").waitFor();
  assert.deepEqual(await look(popup, "invoice-0-await"), []);
  const lines = await scan(popup);
  const [iban, reference] = [together(await fact(popup, "Account (IBAN)")), together(await fact(popup, "Reference"))];
  assert.deepEqual(lines, ["BCD", "002", "1", "SCT", "", "Meridian", iban, "EUR3.20", "", reference]);
  assert.match(reference, /^RF\d\d[2-9A-Z]{16}$/);

  // The shop's own page shows the same, for a phone that has no wallet.
  await page.getByText("Ordered. It is delivered when your transfer has arrived.").waitFor();
  assert.deepEqual(await look(page, "shop-order-0-good"), []);
  const order = await page.context().newPage();
  await order.goto(new URL(await page.getByRole("link", { name: "How to pay" }).getAttribute("href"), demo.merchant).href);
  await heading(order, "Transfer €3.20").waitFor();
  assert.deepEqual(await look(order, "shop-order-1-await"), []);
  assert.deepEqual(await scan(order), lines);
  assert.equal(together(await fact(order, "Reference")), reference);
  await order.goto(`${demo.merchant}/orders`);
  assert.deepEqual(await look(order, "shop-order-2-list"), []);
  await order.getByRole("link", { name: "How to pay for The article" }).click();

  // As another bank's app does it: the wallet's own button is not used.
  const { account, token } = await (await fetch(`${demo.bank}/test-account`)).json();
  const transfer = { id: "scanned", from: account, iban: lines[6], amount: { currency: "EUR", minor: 320 }, subject: lines[9] };
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const paid = await fetch(`${demo.bank}/payments`, { method: "POST", headers, body: JSON.stringify(transfer) });
  assert.equal(paid.status, 201);
  await heading(order, "Paid. Thank you").waitFor();
  assert.deepEqual(await look(order, "shop-order-3-paid"), []);
  await seesYours(page);

  await openHome(page, demo.wallet);
  const [deal] = await deals(page);
  assert.deepEqual([deal.state, deal.invoice.state], ["acknowledged", "paid"]);
  assert.deepEqual(someone.complaints, []);
});

scenario("the demo's test account pays at the press of a button", async () => {
  const { someone, page, popup } = await byInvoice();
  someone.expects(/402/);
  await payButton(popup, "€3.20").click();
  await button(popup, "Pay €3.20 from the test account").click();
  await seesYours(page);
  assert.deepEqual(someone.complaints, []);
});

scenario("what is paid later comes at once, and its invoice waits in the wallet", async () => {
  const { someone, page, popup } = await byInvoice();
  assert.deepEqual(await look(popup, "invoice-1-terms"), []);
  await popup.getByRole("radio", { name: /Invoice, pay later/ }).check();
  await payButton(popup, "€3.20").click();
  await seesYours(page);

  await openHome(page, demo.wallet);
  await page.getByText("To be paid").waitFor();
  await page.getByRole("link", { name: /The article/ }).click();
  const invoice = page.getByRole("region", { name: "Invoice" });
  await invoice.getByRole("status").getByText("To be paid", { exact: true }).waitFor();
  assert.deepEqual(await look(page, "invoice-2-deal"), []);
  assert.equal((await scan(page))[7], "EUR3.20");
  await button(page, "Pay €3.20 from the test account").click();
  await invoice.getByRole("status").getByText("Paid", { exact: true }).waitFor();
  assert.deepEqual(await look(page, "invoice-3-paid"), []);
  assert.equal((await deals(page))[0].invoice.open.minor, 0);
  assert.deepEqual(someone.complaints, []);
});

/** The bank says (camt.054) that it has taken a transfer back. @param {string} iban @param {string} reference */
async function takenBack(iban, reference) {
  const entry = `<Ntry><NtryRef>1</NtryRef><Amt Ccy="EUR">3.20</Amt><CdtDbtInd>DBIT</CdtDbtInd><RvslInd>true</RvslInd><Sts><Cd>BOOK</Cd></Sts>
    <BookgDt><Dt>2026-11-23</Dt></BookgDt><AcctSvcrRef>BACK-${reference}</AcctSvcrRef>
    <NtryDtls><TxDtls><RmtInf><Strd><CdtrRefInf><Ref>${reference}</Ref></CdtrRefInf></Strd></RmtInf></TxDtls></NtryDtls></Ntry>`;
  const file = `<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.08"><BkToCstmrDbtCdtNtfctn>
    <GrpHdr><MsgId>BACK</MsgId><CreDtTm>2026-11-23T12:00:00Z</CreDtTm></GrpHdr>
    <Ntfctn><Id>BACK</Id><Acct><Id><IBAN>${iban}</IBAN></Id><Ccy>EUR</Ccy></Acct>${entry}</Ntfctn></BkToCstmrDbtCdtNtfctn></Document>`;
  const token = (await readFile(join(demo.data, "merchant", "admin.token"), "utf8")).trim();
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/xml" };
  const answer = await fetch(`${demo.merchant}/admin/bank-files`, { method: "POST", headers, body: file });
  const report = await answer.json();
  assert.equal(report.matched, 1, JSON.stringify(report));
}

scenario("what the bank takes back after the goods have come is owed again", async () => {
  const { someone, page, popup } = await byInvoice();
  someone.expects(/402/);
  await payButton(popup, "€3.20").click();
  await heading(popup, "Transfer €3.20").waitFor();
  const lines = await scan(popup);
  await button(popup, "Pay €3.20 from the test account").click();
  await seesYours(page);
  await openHome(page, demo.wallet);
  const [{ deal }] = await deals(page);
  await page.goto(`${demo.wallet}/#/deal/${deal}`);
  const invoice = page.getByRole("region", { name: "Invoice" });
  await invoice.getByRole("status").getByText("Paid", { exact: true }).waitFor();

  // The receipt is of an earlier second than what is said of the invoice from now on.
  await page.waitForTimeout(1500);
  await takenBack(lines[6], lines[9]);
  await page.reload();
  await invoice.getByRole("status").getByText("To be paid", { exact: true }).waitFor();
  assert.deepEqual(await scan(page), lines, "the same amount to the same account with the same reference");
  const facts = await page.locator("semper-receipt dt").allTextContents();
  assert.deepEqual(facts.slice(0, 3), ["Bought", "From", "Price"]);
  assert.deepEqual(await look(page, "invoice-4-owed-again"), []);
  await openHome(page, demo.wallet);
  await page.getByRole("link", { name: /The article.*To be paid/ }).waitFor();
  await page.goto(`${demo.wallet}/#/deal/${deal}`);
  await button(page, "Pay €3.20 from the test account").click();
  await invoice.getByRole("status").getByText("Paid", { exact: true }).waitFor();
  assert.deepEqual(someone.complaints, []);
});
