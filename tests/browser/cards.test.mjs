/** Cards as a person uses them: typed into the wallet, never into the shop; approved where the bank asks; refused where it refuses. */
import assert from "node:assert/strict";
import { after, afterEach, before } from "node:test";
import { deals } from "./support/ask.mjs";
import { Demo } from "./support/demo.mjs";
import { Person } from "./support/person.mjs";
import { look } from "./support/pictures.mjs";
import { scenario } from "./support/scenario.mjs";
import { press, seesYours } from "./support/shop-pages.mjs";
import { firstRun, openHome, payButton } from "./support/wallet-pages.mjs";

const APPROVED = "4242 4242 4242 4242";
const DECLINED = "4000 0000 0000 0002";
const STEP_UP = "4000 0027 6000 3184";

/** @type {Demo} */
let demo;
/** @type {Person[]} */
let people = [];

before(async () => {
  demo = await Demo.start();
  await takesCards();
});
after(() => demo?.end());
afterEach(async () => {
  const gone = people;
  people = [];
  await Promise.all(gone.map((person) => person.goes()));
});

/** Shop and gateway meet right after the start; offers name the gateway from then on. */
async function takesCards() {
  for (const end = Date.now() + 20_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 100))) {
    const offer = await (await fetch(`${demo.merchant}/offers/article`)).text();
    const { accepts } = JSON.parse(Buffer.from(offer.split(".")[1], "base64url").toString());
    if (accepts.some(({ module }) => module === "card")) return;
  }
  throw new Error("the shop takes no cards");
}

const button = (page, name) => page.getByRole("button", { name, exact: true });
const heading = (page, name) => page.getByRole("heading", { name, exact: true });

/** Someone new who wants the article: their wallet's window, at the confirmation. */
async function atTheConfirmation() {
  const someone = await Person.arrives({ width: 360, height: 780 });
  people.push(someone);
  const popup = await press(someone.page, demo, "article");
  await firstRun(popup);
  await heading(popup, "Confirm your purchase").waitFor();
  return { someone, page: someone.page, popup };
}

async function addCard(popup, number, expiry = "12/40") {
  await button(popup, "Use a card").click();
  await heading(popup, "Pay with a card").waitFor();
  await popup.getByLabel("Card number").fill(number);
  await popup.getByLabel("Valid until").fill(expiry);
  await button(popup, "Add the card").click();
}

scenario("a card is enrolled in the wallet and pays", async () => {
  const { someone, page, popup } = await atTheConfirmation();
  await addCard(popup, APPROVED);
  await popup.getByText("The shop does not see its number").waitFor();
  assert.deepEqual(await look(popup, "card-2-pay"), []);
  await payButton(popup, "€3.20").click();
  await seesYours(page);

  await openHome(page, demo.wallet);
  const cards = page.getByRole("region", { name: "Cards" });
  await cards.getByText("Visa …4242").waitFor();
  assert.deepEqual(await look(page, "card-5-home"), []);
  await button(page, "Remove Visa …4242 from this wallet").click();
  await cards.waitFor({ state: "detached" });
  assert.deepEqual(someone.complaints, []);
});

scenario("a wrong digit and a past month are noticed before anything is sent", async () => {
  const { someone, popup } = await atTheConfirmation();
  const asked = [];
  popup.on("request", (request) => asked.push(request.url()));
  await addCard(popup, "4242 4242 4242 4241");
  await popup.getByText("A digit is wrong or missing. Compare it with the card.").waitFor();
  assert.deepEqual(await look(popup, "card-1-add"), []);
  await popup.getByLabel("Card number").fill(APPROVED);
  await popup.getByLabel("Valid until").fill("01/20");
  await button(popup, "Add the card").click();
  await popup.getByText("Its last month is over. Use another card.").waitFor();
  assert.deepEqual(asked.filter((url) => url.startsWith(demo.gateway)), []);
  assert.deepEqual(someone.complaints, []);
});

scenario("the bank asks, and the person approves what the wallet shows", async () => {
  const { someone, page, popup } = await atTheConfirmation();
  someone.expects(/402/);
  await addCard(popup, STEP_UP);
  await payButton(popup, "€3.20").click();
  await heading(popup, "Your bank asks: is this you?").waitFor();
  await popup.getByRole("main").getByText("Meridian", { exact: true }).waitFor();
  await popup.locator("semper-amount").getByText("€3.20", { exact: true }).waitFor();
  assert.deepEqual(await look(popup, "card-3-step-up"), []);
  await button(popup, "Approve €3.20").click();
  await seesYours(page);
  assert.deepEqual(someone.complaints, []);
});

scenario("the bank asks, and the person says no", async () => {
  const { someone, page, popup } = await atTheConfirmation();
  someone.expects(/402/);
  await addCard(popup, STEP_UP);
  await payButton(popup, "€3.20").click();
  await button(popup, "No, refuse it").click();
  await heading(popup, "The card was declined").waitFor();
  await openHome(page, demo.wallet);
  const [deal] = await deals(page);
  assert.equal(deal.state, "refused");
  assert.deepEqual(someone.complaints, []);
});

scenario("a declined card pays nothing, and says what to do", async () => {
  const { someone, popup } = await atTheConfirmation();
  someone.expects(/402/);
  await addCard(popup, DECLINED);
  await payButton(popup, "€3.20").click();
  await heading(popup, "The card was declined").waitFor();
  assert.deepEqual(await look(popup, "card-4-declined"), []);
  await popup.getByText("Nothing was paid. Use another card, or ask the bank that issued it.").waitFor();
  assert.deepEqual(someone.complaints, []);
});
