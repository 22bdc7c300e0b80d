/** The protocol spoken by other people's code, to the real servers: whoever reads the specification can take part. */
import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import ece from "http_ece";
import { decodeProtectedHeader } from "jose";
import { GOODS } from "./support/catalogue.mjs";
import { CommandLineWallet } from "./support/command-line.mjs";
import { Demo } from "./support/demo.mjs";
import { ROOT } from "./support/programs.mjs";
import { unsealed } from "./support/sealing.mjs";
import { Signer, bytes, digest, introduced, nonce, party, sha256, verified } from "./support/statements.mjs";
import { records, treeRoot } from "./support/tree.mjs";

/** @type {Demo} */
let demo;
before(async () => {
  demo = await Demo.start();
});
after(() => demo?.end());

const now = () => Math.floor(Date.now() / 1000);

test("parties introduce themselves", async () => {
  for (const role of ["merchant", "mint", "bank"]) {
    const introduction = await party(demo[role]);
    assert.equal(introduction.role, role);
    assert.equal(introduction.url, demo[role]);
    assert.equal(introduction.media_type, "application/jose");
    assert.ok(introduction.expires_at > now());
  }
});

test("every statement of a purchase verifies, and they hang together", async () => {
  const wallet = await CommandLineWallet.funded("20.00", demo.mint);
  try {
    const { deal } = await wallet.buy(demo.offer("article"));
    const { statements } = await wallet.evidence(deal);
    const of = (typ) => statements.filter((jws) => decodeProtectedHeader(jws).typ === typ);
    const merchant = await party(demo.merchant);
    const mint = await party(demo.mint);

    const [offer] = await Promise.all(of("semper-offer+jwt").map((jws) => introduced(jws, "semper-offer+jwt", ({ merchant: { key } }) => key)));
    assert.equal(offer.header.kid, merchant.thumbprint);
    assert.equal(offer.payload.terms.digest, sha256(offer.payload.terms.text));
    assert.equal(offer.payload.total.minor, GOODS.article.minor);

    const [order] = await Promise.all(of("semper-order+jwt").map((jws) => verified(jws, "semper-order+jwt")));
    assert.equal(order.payload.offer, offer.digest);
    assert.deepEqual(order.payload.total, offer.payload.total);
    assert.equal(deal, sha256(bytes(offer.digest), bytes(order.digest)));

    const permissions = await Promise.all(of("semper-coin-permission+jwt").map((jws) => verified(jws, "semper-coin-permission+jwt")));
    const { denominations } = (await introduced(await text(`${demo.mint}/keys`), "semper-mint-keys+jwt", ({ key }) => key)).payload;
    assert.ok(permissions.length > 0);
    for (const permission of permissions) assertCoin(permission, denominations);
    assert.equal(permissions.reduce((sum, { payload }) => sum + payload.amount.minor, 0), GOODS.article.minor);
    for (const { payload } of permissions) {
      assert.deepEqual([payload.deal, payload.merchant, payload.mint], [deal, merchant.thumbprint, mint.thumbprint]);
    }

    const [confirmation] = of("semper-deposit-confirmation+jwt");
    const confirmed = await verified(confirmation, "semper-deposit-confirmation+jwt", mint.key);
    assert.deepEqual(confirmed.payload.amount, offer.payload.total);
    assert.deepEqual(confirmed.payload.permissions.sort(), permissions.map((one) => one.digest).sort());
    assert.equal(confirmed.payload.deal, deal);

    const receipt = await verified(of("semper-receipt+jwt")[0], "semper-receipt+jwt", merchant.key);
    assert.deepEqual([receipt.payload.deal, receipt.payload.offer, receipt.payload.order], [deal, offer.digest, order.digest]);
    assert.deepEqual(receipt.payload.paid, offer.payload.total);
    assert.deepEqual(receipt.payload.payment, [confirmed.digest]);

    const delivery = await verified(of("semper-delivery+jwt")[0], "semper-delivery+jwt", merchant.key);
    assert.equal(delivery.payload.deal, deal);
    const acknowledgement = await verified(of("semper-acknowledgement+jwt")[0], "semper-acknowledgement+jwt");
    assert.equal(acknowledgement.header.kid, order.header.kid, "by the deal's key");
    assert.equal(acknowledgement.payload.receipt, receipt.digest);

    const known = ["offer", "order", "coin-permission", "deposit-confirmation", "receipt", "delivery", "acknowledgement", "party"];
    const others = statements.filter((jws) => !known.includes(decodeProtectedHeader(jws).typ.replace(/^semper-|\+jwt$/g, "")));
    assert.deepEqual(others, [], "every statement was verified here");
  } finally {
    wallet.end();
  }
});

/** A coin is worth what the mint's blind signature on its key says: RSA-PSS, by Node. */
function assertCoin({ key, payload }, denominations) {
  const denomination = denominations.find((one) => nameOf(one) === payload.denomination);
  assert.ok(denomination, "a denomination of the mint");
  assert.ok(payload.amount.minor <= denomination.value_minor);
  const message = Buffer.concat([Buffer.from("semper/1/coin"), bytes(payload.denomination), compressed(key)]);
  const publicKey = createPublicKey({ key: { kty: "RSA", n: denomination.n, e: "AQAB" }, format: "jwk" });
  assert.ok(verify("sha384", message, { key: publicKey, padding: 6, saltLength: 48 }, bytes(payload.signature)), "signed by the mint");
}

function nameOf({ value_minor, issue_from, issue_until, spend_until, n }) {
  const numbers = [value_minor, issue_from, issue_until, spend_until].map((number) => {
    const eight = Buffer.alloc(8);
    eight.writeBigUInt64BE(BigInt(number));
    return eight;
  });
  return sha256("semper/1/denomination", "EUR", ...numbers, bytes(n));
}

function compressed({ x, y }) {
  return Buffer.concat([Buffer.of(2 + (bytes(y)[31] & 1)), bytes(x)]);
}

test("a customer made of other people's code orders, opens, reads and acknowledges", async () => {
  const merchant = await party(demo.merchant);
  const offer = await introduced(await text(demo.offer("leaflet")), "semper-offer+jwt", ({ merchant: { key } }) => key);
  const customer = await Signer.make();
  const order = await customer.sign(
    "semper-order+jwt",
    { offer: offer.digest, module: "none", total: offer.payload.total, nonce: nonce(), ordered_at: now() },
    { carryKey: true },
  );
  const deal = sha256(bytes(offer.digest), bytes(digest(order)));

  const answer = await post(`${demo.merchant}/deals`, { order, payment: null });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.body.deal, deal);
  const again = await post(`${demo.merchant}/deals`, { order, payment: null });
  assert.equal(again.text, answer.text, "the same order gives the same answer, byte for byte");

  const receipt = await verified(answer.body.receipt, "semper-receipt+jwt", merchant.key);
  const delivery = await verified(answer.body.delivery, "semper-delivery+jwt", merchant.key);
  const [part] = offer.payload.delivery.parts;
  const [{ part: name, sealed }] = delivery.payload.keys;
  assert.equal(name, part.name);
  const message = { purpose: "content-key", thumbprint: bytes(customer.thumbprint), context: bytes(deal), sealed: bytes(sealed) };
  const contentKey = await unsealed({ ...message, recipientKey: await customer.forAgreement() });
  assert.equal(sha256("semper/1/content-key-hash", contentKey), part.key_hash);

  const stream = Buffer.from(await (await fetch(part.url)).arrayBuffer());
  assert.equal(sha256(stream), part.ciphertext);
  const content = ece.decrypt(stream, { version: "aes128gcm", key: contentKey });
  assert.equal(content.toString(), GOODS.leaflet.parts[0].bytes);
  assert.equal(treeRoot(records(content)).toString("base64url"), part.plaintext_root);

  const acknowledgement = await customer.sign(
    "semper-acknowledgement+jwt",
    { deal, receipt: receipt.digest, received_at: now() },
    { carryKey: true },
  );
  const closed = await post(`${demo.merchant}/deals/${deal}/acknowledgement`, { acknowledgement });
  assert.deepEqual([closed.status, closed.body.state], [200, "acknowledged"], closed.text);
});

test("contents come in ranges, for ever the same", async () => {
  const offer = await introduced(await text(demo.offer("atlas")), "semper-offer+jwt", ({ merchant: { key } }) => key);
  const [{ url, ciphertext }] = offer.payload.delivery.parts;
  const whole = Buffer.from(await (await fetch(url)).arrayBuffer());
  assert.equal(sha256(whole), ciphertext);
  const rest = await fetch(url, { headers: { range: `bytes=${whole.length - 1000}-` } });
  assert.equal(rest.status, 206);
  assert.equal(rest.headers.get("content-range"), `bytes ${whole.length - 1000}-${whole.length - 1}/${whole.length}`);
  assert.deepEqual(Buffer.from(await rest.arrayBuffer()), whole.subarray(-1000));
  assert.match(rest.headers.get("cache-control"), /immutable/);
  assert.equal((await fetch(url, { headers: { range: `bytes=${whole.length}-` } })).status, 416);
  const etag = rest.headers.get("etag");
  assert.equal((await fetch(url, { headers: { range: "bytes=0-9", "if-range": etag } })).status, 206);
  assert.equal((await fetch(url, { headers: { range: "bytes=0-9", "if-range": '"another"' } })).status, 200);
});

test("refusals are problem details with a published code", async () => {
  const customer = await Signer.make();
  const forged = await customer.sign("semper-order+jwt", { offer: sha256("none"), module: "none" }, { carryKey: true });
  const published = publishedCodes();
  const asked = [
    [await fetch(`${demo.merchant}/offers/nothing`), 404, "offer-unknown"],
    [await fetch(`${demo.merchant}/goods/nothing`), 404, "offer-unknown"],
    [await fetch(`${demo.merchant}/deals/${sha256("none")}`), 404, "deal-unknown"],
    [await fetch(`${demo.merchant}/deals`), 405, "method-not-allowed"],
    [await raw(`${demo.merchant}/deals`, "{"), 400, "json-malformed"],
    [await raw(`${demo.merchant}/deals`, `{"order":"a.b.c","order":"a.b.c","payment":null}`), 400, "json-malformed"],
    [await raw(`${demo.merchant}/deals`, JSON.stringify({ order: "x".repeat(1 << 20), payment: null })), 413, "body-too-large"],
    [await raw(`${demo.merchant}/deals`, JSON.stringify({ order: forged, payment: null })), 400, "statement-malformed"],
    [await raw(`${demo.mint}/deposits`, JSON.stringify({ permissions: [] })), 400, "request-invalid"],
    [await fetch(`${demo.mint}/reserves/Apf8P-OdYvfFCxC5wOOhHCHyGwCXXJ8x6gCp8SY7L0dV`), [400, 404], ["key-invalid", "reserve-unknown"]],
    [await fetch(`${demo.bank}/accounts/customer`), 401, "token-invalid"],
  ];
  for (const [answer, status, code] of asked) {
    const problem = await answer.json();
    const where = `${answer.url} ${JSON.stringify(problem)}`;
    assert.ok([status].flat().includes(answer.status), where);
    assert.equal(answer.headers.get("content-type"), "application/problem+json", where);
    assert.ok([code].flat().includes(problem.code), where);
    assert.equal(problem.status, answer.status, where);
    assert.ok(published.has(problem.code), where);
    assert.ok(typeof problem.title === "string" && typeof problem.type === "string", where);
  }
});

async function text(url) {
  const answer = await fetch(url);
  assert.equal(answer.status, 200, url);
  return answer.text();
}

function raw(url, body) {
  return fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
}

async function post(url, value) {
  const answer = await raw(url, JSON.stringify(value));
  const said = await answer.text();
  return { status: answer.status, text: said, body: JSON.parse(said) };
}

/** The codes of the specification's table. */
function publishedCodes() {
  const page = readFileSync(join(ROOT, "shared/spec/errors.md"), "utf8");
  return new Set([...page.matchAll(/^\| `([a-z-]+)` \| \d{3} /gm)].map((match) => match[1]));
}
