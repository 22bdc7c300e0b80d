/**
 * A shop of other people's code on a port of its own, which keeps to the protocol until a test tells it not to. It signs with `jose`,
 * seals with `@hpke/core` and encrypts with `http_ece`.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import ece from "http_ece";
import { ROOT } from "./programs.mjs";
import { sealed } from "./sealing.mjs";
import { Signer, bytes, digest, sha256, verified } from "./statements.mjs";
import { records, treeRoot } from "./tree.mjs";

const TERMS = "You get what you see.";
const REFUND_DAYS = 14;
const PACKAGE = new Set(["index.js", "element.js", "error.js", "popup.js", "sheet.js"]);

const now = () => Math.floor(Date.now() / 1000);

export class RogueShop {
  /** Pages by path, as HTML. @type {Map<string, string>} */
  pages = new Map();
  /** The paths that were asked for. @type {string[]} */
  asked = [];
  /** What `/offers/{name}` answers. @type {Map<string, (answer: import("node:http").ServerResponse) => void>} */
  #offers = new Map();
  /** Streams by digest. @type {Map<string, Buffer>} */
  #contents = new Map();
  /** The content keys and part names that go with each offer. @type {Map<string, {keys: Buffer[], names: string[]}>} */
  #sold = new Map();
  /** Bends what it delivers. @type {(delivery: {key: Buffer}) => {key: Buffer}} */
  bendDelivery = (delivery) => delivery;

  static async open() {
    const shop = new RogueShop();
    shop.signer = await Signer.make();
    shop.server = createServer((request, answer) => shop.#serve(request, answer).catch((error) => answer.writeHead(500).end(String(error))));
    shop.server.listen(0, "127.0.0.1");
    await once(shop.server, "listening");
    shop.url = `http://localhost:${shop.server.address().port}`;
    return shop;
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }

  /** An encrypted part, and the promise of it. @param {string} text */
  part(text, { name = "page.html", title = "The page" } = {}) {
    const [content, key] = [Buffer.from(text), randomBytes(16)];
    const stream = ece.encrypt(content, { version: "aes128gcm", key, rs: 65_536 });
    const ciphertext = sha256(stream);
    this.#contents.set(ciphertext, stream);
    const commitment = {
      media_type: "text/html",
      size: content.length,
      ciphertext,
      plaintext_root: treeRoot(records(content)).toString("base64url"),
      key_hash: sha256("semper/1/content-key-hash", key),
    };
    return { key, promise: { name, title, url: `${this.url}/content/${ciphertext}`, ...commitment } };
  }

  /** Changes what lies under a promise. @param {{ciphertext: string}} promise @param {(stream: Buffer) => Buffer} bend */
  bendContent({ ciphertext }, bend) {
    this.#contents.set(ciphertext, bend(Buffer.from(this.#contents.get(ciphertext))));
  }

  /** A sound offer; `changes` replace its members. @param {object} [changes] @param {ReturnType<RogueShop["part"]>[]} [parts] */
  payload(changes = {}, parts = [this.part("<!doctype html><p>Nothing to see.</p>")]) {
    const zero = { currency: "EUR", minor: 0 };
    return {
      merchant: { name: "Rogue", url: this.url, key: this.signer.jwk },
      good: "thing",
      title: "The thing",
      summary: "A thing.",
      language: "en",
      items: [{ title: "The thing", quantity: 1, price: zero, vat_rate_bp: 700 }],
      total: zero,
      vat: zero,
      terms: { text: TERMS, digest: sha256(TERMS) },
      refund_days: REFUND_DAYS,
      delivery: { parts: parts.map(({ promise }) => promise) },
      accepts: [],
      exchange: "plain",
      jurisdictions: [],
      issued_at: now() - 10,
      expires_at: now() + 3600,
      ...changes,
    };
  }

  /** Publishes a statement as an offer, whatever it is. @returns {string} its address */
  publish(name, jws, parts = []) {
    this.#sold.set(digest(jws), { keys: parts.map(({ key }) => key), names: parts.map(({ promise }) => promise.name) });
    return this.answer(name, (answer) => answer.writeHead(200, { "content-type": "application/jose" }).end(jws));
  }

  /** Signs and publishes. @returns {Promise<string>} its address */
  async offer(name, payload, parts) {
    return this.publish(name, await this.signer.sign("semper-offer+jwt", payload), parts);
  }

  /** @param {string} name @param {(answer: import("node:http").ServerResponse) => void} give @returns {string} its address */
  answer(name, give) {
    this.#offers.set(name, give);
    return `${this.url}/offers/${name}`;
  }

  async #serve(request, answer) {
    const { pathname } = new URL(request.url, this.url);
    const [, place, name] = pathname.split("/");
    this.asked.push(pathname);
    answer.setHeader("access-control-allow-origin", "*");
    answer.setHeader("access-control-allow-headers", "content-type, range");
    answer.setHeader("access-control-expose-headers", "content-length, content-range");
    const json = (value) => answer.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
    if (request.method === "OPTIONS") answer.writeHead(204).end();
    else if (this.pages.has(pathname)) answer.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(this.pages.get(pathname));
    else if (place === "favicon.ico") answer.writeHead(204).end();
    else if (pathname === "/.well-known/semper") answer.writeHead(200, { "content-type": "application/jose" }).end(await this.#introduction());
    else if (place === "semper-pay" && PACKAGE.has(name)) answer.writeHead(200, { "content-type": "text/javascript" }).end(readFileSync(join(ROOT, "client-wasm/js", name)));
    else if (place === "offers" && this.#offers.has(name)) this.#offers.get(name)(answer);
    else if (place === "content") answer.writeHead(200, { "content-type": "application/octet-stream" }).end(this.#contents.get(name));
    else if (place === "deals" && pathname.endsWith("/acknowledgement")) json({ deal: name, state: "acknowledged" });
    else if (place === "deals") json(await this.#deliver(JSON.parse(await body(request))));
    else answer.writeHead(404).end();
  }

  #introduction() {
    const described = { name: "Rogue", role: "merchant", url: this.url, key: this.signer.jwk, modules: [], endpoints: {} };
    return this.signer.sign("semper-party+jwt", { ...described, issued_at: now() - 10, expires_at: now() + 3600 });
  }

  async #deliver({ order: jws }) {
    const order = await verified(jws, "semper-order+jwt");
    const deal = sha256(bytes(order.payload.offer), bytes(order.digest));
    const { keys, names } = this.#sold.get(order.payload.offer);
    const common = { deal, issued_at: now() };
    const receipt = await this.signer.sign("semper-receipt+jwt", {
      ...common,
      offer: order.payload.offer,
      order: order.digest,
      paid: order.payload.total,
      module: order.payload.module,
      payment: [],
      refund_by: order.payload.ordered_at + REFUND_DAYS * 86_400,
    });
    const seal = async (key, at) => ({
      part: names[at],
      sealed: (await sealed({ purpose: "content-key", recipient: order.key, context: bytes(deal), plaintext: this.bendDelivery({ key }).key })).toString("base64url"),
    });
    const delivery = await this.signer.sign("semper-delivery+jwt", { ...common, keys: await Promise.all(keys.map(seal)) });
    return { deal, state: "delivered", receipt, delivery, proofs: [] };
  }
}

async function body(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
