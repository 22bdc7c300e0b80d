/** Messages sealed and opened with `@hpke/core`. */
import { Aes256Gcm, CipherSuite, DhkemP256HkdfSha256, HkdfSha256 } from "@hpke/core";
import { calculateJwkThumbprint } from "jose";

const ENC_BYTES = 65;

const suite = new CipherSuite({ kem: new DhkemP256HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });

/** `info`: for what, to whom, in which deal. @param {string} purpose @param {Buffer} recipient thumbprint @param {Buffer} context */
function info(purpose, recipient, context) {
  return Buffer.concat([Buffer.from(`semper/1/${purpose}\0`), recipient, context]);
}

/** @param {{purpose: string, recipientKey: CryptoKey, thumbprint: Buffer, context: Buffer, sealed: Buffer}} message */
export async function unsealed({ purpose, recipientKey, thumbprint, context, sealed }) {
  const enc = arrayBuffer(sealed.subarray(0, ENC_BYTES));
  const opener = await suite.createRecipientContext({ recipientKey, enc, info: arrayBuffer(info(purpose, thumbprint, context)) });
  return Buffer.from(await opener.open(arrayBuffer(sealed.subarray(ENC_BYTES))));
}

/** Seals to whoever has this public key. @param {{purpose: string, recipient: object, context: Buffer, plaintext: Buffer}} message */
export async function sealed({ purpose, recipient, context, plaintext }) {
  const thumbprint = Buffer.from(await calculateJwkThumbprint(recipient), "base64url");
  const recipientPublicKey = await suite.kem.importKey("jwk", recipient, true);
  const sender = await suite.createSenderContext({ recipientPublicKey, info: arrayBuffer(info(purpose, thumbprint, context)) });
  return Buffer.concat([Buffer.from(sender.enc), Buffer.from(await sender.seal(arrayBuffer(plaintext)))]);
}

/** A private key from its 32 bytes. @param {Buffer} secret */
export async function recipient(secret) {
  return suite.kem.importKey("raw", arrayBuffer(secret), false);
}

function arrayBuffer(buffer) {
  return new Uint8Array(buffer).buffer;
}
