/** The published vectors, held against other people's code: jose, @hpke/core, http_ece and Node's own cryptography. */
import assert from "node:assert/strict";
import { createECDH, createPublicKey, hkdfSync, verify } from "node:crypto";
import { test } from "node:test";
import ece from "http_ece";
import { calculateJwkThumbprint, compactVerify, decodeProtectedHeader, importJWK } from "jose";
import { recipient, unsealed } from "./support/sealing.mjs";
import { bytes, digest, sha256 } from "./support/statements.mjs";
import { records, treeRoot } from "./support/tree.mjs";
import { vectors } from "./support/vectors.mjs";

const hex = (text) => Buffer.from(text, "hex");

test("statements verify with jose, and forged ones do not", async () => {
  const all = [...vectors("statement", "verify"), ...vectors("statement", "verify-self-keyed")];
  for (const { name, expect, input, output } of all) {
    const outcome = compactVerify(input.compact, async (header) => importJWK(input.jwk ?? header.jwk, "ES256"), { algorithms: ["ES256"] });
    if (expect === "ok") {
      await outcome;
      const { kid, jwk } = decodeProtectedHeader(input.compact);
      assert.equal(digest(input.compact), output.digest, name);
      assert.equal(await calculateJwkThumbprint(input.jwk ?? jwk), output.signer, name);
      assert.equal(kid, output.signer, name);
    } else if (expect === "signature-invalid" && name !== "kid-other.json") {
      await assert.rejects(outcome, name);
    } else {
      // jose allows some of what the specification is stricter about; that we refuse it is tested with the crate.
      await outcome.catch(() => {});
    }
  }
});

test("ES256 signatures and thumbprints are those of Node and jose", async () => {
  for (const { name, expect, input } of vectors("keys", "verify")) {
    const key = { key: createPublicKey({ key: input.jwk, format: "jwk" }), dsaEncoding: "ieee-p1363" };
    assert.equal(verify("sha256", hex(input.message), key, hex(input.signature)), expect === "ok", name);
  }
  for (const { name, input, output } of vectors("keys", "read-jwk").filter(({ expect }) => expect === "ok")) {
    assert.equal(await calculateJwkThumbprint(JSON.parse(input.jwk)), output.thumbprint, name);
  }
});

test("blind signatures, once unblinded, are RSA-PSS signatures to Node", () => {
  const holds = (modulus, message, signature) => {
    const key = createPublicKey({ key: { kty: "RSA", n: hex(modulus).toString("base64url"), e: "AQAB" }, format: "jwk" });
    return verify("sha384", hex(message), { key, padding: 6, saltLength: 48 }, hex(signature));
  };
  for (const { name, expect, input } of vectors("blinding", "verify-unblinded").filter(({ expect }) => expect !== "key-invalid")) {
    assert.equal(holds(input.modulus, input.message, input.signature), expect === "ok", name);
  }
  for (const { name, input, output } of vectors("blinding", "unblind").filter(({ expect }) => expect === "ok")) {
    assert.ok(holds(input.modulus, input.message, output.signature), name);
  }
});

test("sealed messages open with @hpke/core, and damaged ones do not", async () => {
  for (const { name, expect, input, output } of vectors("sealing", "open")) {
    const secret = hex(input.recipient_private);
    const thumbprint = bytes(await calculateJwkThumbprint(jwkOf(secret)));
    const message = { purpose: input.purpose, thumbprint, context: bytes(input.context), sealed: hex(input.sealed) };
    const opened = recipient(secret).then((recipientKey) => unsealed({ ...message, recipientKey }));
    if (expect === "ok") assert.deepEqual(await opened, hex(output.plaintext), name);
    else await assert.rejects(opened, name);
  }
});

test("contents are RFC 8188 streams to http_ece, under the trees of RFC 6962", () => {
  for (const { name, input, output } of vectors("information", "seal")) {
    const content = contentOf(input.content);
    const stream = ece.encrypt(content, { version: "aes128gcm", key: hex(input.key), salt: input.salt && hex(input.salt), rs: 65_536 });
    assert.equal(sha256(stream), output.commitment.ciphertext, name);
    assert.equal(treeRoot(records(content)).toString("base64url"), output.commitment.plaintext_root, name);
    assert.equal(sha256("semper/1/content-key-hash", hex(input.key)), output.commitment.key_hash, name);
  }
  for (const { name, input, output } of vectors("information", "open").filter(({ expect }) => expect === "ok")) {
    assert.deepEqual(ece.decrypt(hex(input.stream), { version: "aes128gcm", key: hex(input.key) }), hex(output.content), name);
  }
  for (const { name, input, output } of vectors("information", "tree")) {
    assert.equal(treeRoot(input.records.map(hex)).toString("base64url"), output.root, name);
  }
});

test("derived seeds are Node's HKDF", () => {
  const part = (data) => {
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(data.length));
    return Buffer.concat([length, data]);
  };
  for (const { name, input, output } of vectors("derivation", "derive-seed")) {
    const info = Buffer.concat([Buffer.from(input.label), ...input.context.map(hex)].map(part));
    const seed = Buffer.from(hkdfSync("sha256", hex(input.seed), "semper/1", info, 32));
    assert.equal(seed.toString("hex"), output.seed, name);
  }
});

function contentOf(content) {
  return content.bytes === undefined ? Buffer.from(Array.from({ length: content.counting }, (_, at) => at % 251)) : hex(content.bytes);
}

/** The public key of a private one. @param {Buffer} secret */
function jwkOf(secret) {
  const pair = createECDH("prime256v1");
  pair.setPrivateKey(secret);
  const point = pair.getPublicKey();
  return { kty: "EC", crv: "P-256", x: point.subarray(1, 33).toString("base64url"), y: point.subarray(33).toString("base64url") };
}
