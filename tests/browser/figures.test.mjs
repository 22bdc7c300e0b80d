/** How long a person waits. Printed, never judged: figures belong to benchmarks, and this machine may be busy. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { archive } from "./support/catalogue.mjs";
import { Demo } from "./support/demo.mjs";
import { Person } from "./support/person.mjs";
import { PASSPHRASE, makeFunded } from "./support/wallet-pages.mjs";

const TIMES = 5;

test("how long a purchase, an unlocking and a decryption take", { timeout: 120_000 }, async (context) => {
  const goods = archive();
  const [{ file, bytes }] = goods.archive.parts;
  const [demo, someone] = await Promise.all([Demo.start(goods), Person.arrives()]);
  try {
    const { page } = someone;
    await makeFunded(page, demo.wallet, "€50.00");
    await page.evaluate(async () => {
      const { WalletClient } = await import("/client.js");
      window.wallet = new WalletClient();
    });

    const purchases = await page.evaluate(
      async ([offer, times]) => {
        const taken = [];
        for (let time = 0; time < times; time += 1) {
          const { offer_digest } = await window.wallet.call("review", { offer_url: offer });
          const pressed = performance.now();
          const { deal } = await window.wallet.call("pay", { offer_digest, module: "ecash" });
          const paid = performance.now();
          const { blob } = await window.wallet.call("open_part", { deal, part: "article.html" });
          const text = await blob.text();
          taken.push({ paid: paid - pressed, opened: performance.now() - pressed, readable: text.includes("one can check") });
        }
        return taken;
      },
      [demo.offer("article"), TIMES],
    );
    assert.ok(purchases.every(({ readable }) => readable));
    context.diagnostic(`pay to receipt: ${spread(purchases.map(({ paid }) => paid))}`);
    context.diagnostic(`pay to opened article: ${spread(purchases.map(({ opened }) => opened))} (budget 200 ms)`);

    const unlocks = await page.evaluate(
      async ([passphrase, times]) => {
        const taken = [];
        for (let time = 0; time < times; time += 1) {
          await window.wallet.call("lock");
          const begun = performance.now();
          await window.wallet.call("unlock", { passphrase });
          taken.push(performance.now() - begun);
        }
        return taken;
      },
      [PASSPHRASE, TIMES],
    );
    context.diagnostic(`unlock (Argon2id): ${spread(unlocks)}`);

    const { opened, decrypted, hashed } = await page.evaluate(
      async ([offer, part, times]) => {
        const { offer_digest } = await window.wallet.call("review", { offer_url: offer });
        const { deal } = await window.wallet.call("pay", { offer_digest, module: "ecash" });
        await window.wallet.call("download", { deal, part });
        const opened = await fastest(async () => (await window.wallet.call("open_part", { deal, part })).blob.size);
        const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 128 }, false, ["encrypt", "decrypt"]);
        const algorithm = { name: "AES-GCM", iv: new Uint8Array(12) };
        const count = Math.ceil(opened.last / 65_519);
        const plain = Array.from({ length: count }, () => crypto.getRandomValues(new Uint8Array(65_520)));
        const records = await Promise.all(plain.map((record) => crypto.subtle.encrypt(algorithm, key, record)));
        return {
          opened,
          decrypted: await fastest(() => Promise.all(records.map((record) => crypto.subtle.decrypt(algorithm, key, record)))),
          hashed: await fastest(() => Promise.all(plain.map((record) => crypto.subtle.digest("SHA-256", record)))),
        };

        async function fastest(work) {
          let [ms, last] = [Infinity, 0];
          for (let time = 0; time < times; time += 1) {
            const begun = performance.now();
            last = Number(await work());
            ms = Math.min(ms, performance.now() - begun);
          }
          return { ms, last };
        }
      },
      [demo.offer("archive"), file, TIMES],
    );
    assert.equal(opened.last, bytes.length);
    const speed = (ms) => `${Math.round(bytes.length / 1000 / ms)} MB/s`;
    const share = (ms) => `${Math.round((100 * ms) / opened.ms)} %`;
    context.diagnostic(`opening a download: ${speed(opened.ms)}`);
    context.diagnostic(`WebCrypto alone on the same records: AES-GCM ${speed(decrypted.ms)}, SHA-256 ${speed(hashed.ms)}`);
    context.diagnostic(`opening reaches ${share(decrypted.ms)} of AES-GCM's speed (budget 50 %), ${share(decrypted.ms + hashed.ms)} of both together`);
    assert.deepEqual(someone.complaints, []);
  } finally {
    await someone.goes();
    await demo.end();
  }
});

/** The middle and the extremes. @param {number[]} milliseconds */
function spread(milliseconds) {
  const sorted = milliseconds.toSorted((a, b) => a - b);
  const ms = (value) => `${Math.round(value)} ms`;
  return `${ms(sorted[sorted.length >> 1])} (${ms(sorted[0])} to ${ms(sorted.at(-1))})`;
}
