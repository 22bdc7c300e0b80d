/** A policy on the settings page: loaded from a file or an address, its authority confirmed, obeyed, exchanged, removed. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, afterEach, before } from "node:test";
import { join } from "node:path";
import { Demo } from "./support/demo.mjs";
import { Person } from "./support/person.mjs";
import { look } from "./support/pictures.mjs";
import { ROOT } from "./support/programs.mjs";
import { scenario } from "./support/scenario.mjs";
import { press } from "./support/shop-pages.mjs";
import { makeFunded } from "./support/wallet-pages.mjs";

/** @type {Demo} */
let demo;
/** @type {Person[]} */
let people = [];

before(async () => {
  demo = await Demo.start();
});
after(() => demo?.end());
afterEach(async () => {
  await Promise.all(people.map((person) => person.goes()));
  people = [];
});

const button = (page, name) => page.getByRole("button", { name, exact: true });
const SWISS = "PloSjx1UovbBiTVZQhD2GKhPj3RaiIF_Qo4309Xg9wM";
const GERMAN = "emMRFhHpyVKLyn-mO1mW_dDnvJkeIonJnUJN66yO-gI";
const sample = (country) => join(ROOT, `docs/policies/${country}.jws`);

scenario("a policy is looked at, its authority confirmed, obeyed, and removed", async () => {
  const someone = await Person.arrives();
  people.push(someone);
  const { page } = someone;
  await makeFunded(page, demo.wallet);
  await page.goto(`${demo.wallet}/#/settings`);
  const policy = page.getByRole("region", { name: "Policy" });
  await policy.getByText("The wallet is under no policy.").waitFor();

  // Looking at it changes nothing; without the tick it cannot be put in force.
  await policy.getByText("Load a policy", { exact: true }).click();
  await policy.getByLabel("File").setInputFiles(sample("ch"));
  await button(policy, "Look at it").click();
  await policy.getByText(SWISS).waitFor();
  assert.equal(await button(policy, "Put the wallet under it").isDisabled(), true);
  assert.deepEqual(await look(page, "policy-1-look"), []);
  await policy.getByLabel(/^I have compared this key/).check();
  await policy.getByLabel("Your country").fill("ch");
  await button(policy, "Put the wallet under it").click();
  await policy.getByText("Sample: Switzerland").waitFor();
  await button(policy, "Remove the policy").waitFor();
  assert.deepEqual(await look(page, "policy-2-in-force"), []);

  // It is obeyed: the demo's shop does not say where it is.
  const popup = await press(page, demo, "article");
  await popup.getByText("Your policy forbids it here").first().waitFor();
  await popup.close();

  // Another authority, by its address: it is named, and needs another word.
  const server = createServer((_, answer) => {
    answer.writeHead(200, { "content-type": "application/jose", "access-control-allow-origin": "*" });
    answer.end(readFileSync(sample("de")));
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  try {
    await page.goto(`${demo.wallet}/#/settings`);
    await policy.getByText("Load another policy", { exact: true }).click();
    await policy.getByLabel("Or its address").fill(`http://localhost:${server.address().port}/de.jws`);
    await button(policy, "Look at it").click();
    await policy.getByText(GERMAN).waitFor();
    await policy.getByText(/^Another authority signed this\./).waitFor();
    assert.equal(await button(policy, "Put the wallet under it").isDisabled(), true);
    assert.deepEqual(await look(page, "policy-3-other"), []);
    await policy.getByLabel(/in its place\.$/).check();
    await button(policy, "Put the wallet under it").click();
    await policy.getByText(/^Another authority signed this\./).waitFor({ state: "detached" });
    await policy.getByText("Sample: Germany").waitFor();
    assert.equal(await policy.getByText(SWISS).count(), 0);
  } finally {
    server.close();
  }

  // What is no policy changes nothing.
  await policy.getByText("Load another policy", { exact: true }).click();
  await policy.getByLabel("File").setInputFiles(join(ROOT, "docs/policies/de.json"));
  await button(policy, "Look at it").click();
  await policy.getByRole("alert").filter({ hasText: /\S/ }).first().waitFor();

  await button(policy, "Remove the policy").click();
  await button(policy, "Keep it").click();
  await button(policy, "Remove the policy").click();
  await button(policy, "Remove it").click();
  await policy.getByText("The wallet is under no policy.").waitFor();
  assert.deepEqual(someone.complaints, []);
});
