/** Statements read by other people's code: `jose` for signatures and thumbprints, Node for hashes. Nothing here is the project's own. */
import { createHash, randomBytes } from "node:crypto";
import { CompactSign, calculateJwkThumbprint, compactVerify, decodeProtectedHeader, exportJWK, generateKeyPair, importJWK } from "jose";

/** SHA-256, base64url. @param {...(string | Uint8Array)} parts */
export function sha256(...parts) {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("base64url");
}

/** The bytes of base64url. @param {string} text */
export function bytes(text) {
  return Buffer.from(text, "base64url");
}

/** The digest of a statement: that of its signing input. @param {string} jws */
export function digest(jws) {
  return sha256(jws.slice(0, jws.lastIndexOf(".")));
}

/**
 * Verifies a statement; its `kid` must be the thumbprint of the key.
 * @param {string} jws @param {string} typ that it must have @param {object} [key] a JWK; without it, the one in the header
 */
export async function verified(jws, typ, key) {
  const header = decodeProtectedHeader(jws);
  const signer = key ?? header.jwk;
  const { payload, protectedHeader } = await compactVerify(jws, await importJWK(signer, "ES256"), { algorithms: ["ES256"] });
  if (protectedHeader.typ !== typ) throw new Error(`${protectedHeader.typ} is not ${typ}`);
  if ((await calculateJwkThumbprint(signer)) !== protectedHeader.kid) throw new Error(`the kid of the ${typ} is not its key's thumbprint`);
  if (key && protectedHeader.jwk) throw new Error(`the ${typ} carries a key though its signer is known`);
  return { jws, header: protectedHeader, payload: JSON.parse(Buffer.from(payload).toString()), key: signer, digest: digest(jws) };
}

/** A statement that names its own signer, as parties' do. @param {string} jws @param {string} typ @param {(payload: any) => object} keyOf */
export async function introduced(jws, typ, keyOf) {
  return verified(jws, typ, keyOf(JSON.parse(bytes(jws.split(".")[1]).toString())));
}

/** A party, from its own published document. @param {string} url */
export async function party(url) {
  const answer = await fetch(`${url}/.well-known/semper`);
  const { payload } = await introduced(await answer.text(), "semper-party+jwt", ({ key }) => key);
  return { ...payload, media_type: answer.headers.get("content-type"), thumbprint: await calculateJwkThumbprint(payload.key) };
}

/** Keys and statements that `jose` alone made. */
export class Signer {
  static async make() {
    const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
    const signer = new Signer();
    const { kty, crv, x, y } = await exportJWK(publicKey);
    Object.assign(signer, { privateKey, publicKey, jwk: { kty, crv, x, y } });
    signer.thumbprint = await calculateJwkThumbprint(signer.jwk);
    return signer;
  }

  /** The same private key, for opening what was sealed to it. */
  async forAgreement() {
    const { subtle } = globalThis.crypto;
    const jwk = { ...(await exportJWK(this.privateKey)), key_ops: ["deriveBits"] };
    return subtle.importKey("jwk", jwk, { name: "ECDH", namedCurve: "P-256" }, true, ["deriveBits"]);
  }

  /** @param {string} typ @param {object} payload @param {{carryKey?: boolean, header?: object}} [options] */
  async sign(typ, payload, { carryKey = false, header = {} } = {}) {
    const carried = carryKey ? { jwk: this.jwk } : {};
    return new CompactSign(Buffer.from(JSON.stringify(payload)))
      .setProtectedHeader({ alg: "ES256", typ, kid: this.thumbprint, ...carried, ...header })
      .sign(this.privateKey);
  }
}

/** A nonce of 16 bytes. */
export function nonce() {
  return randomBytes(16).toString("base64url");
}
