/** The tree of RFC 6962 section 2.1, by its recursive definition. */
import { createHash } from "node:crypto";

/** @param {Buffer[]} leaves @returns {Buffer} */
export function treeRoot(leaves) {
  if (leaves.length === 1) return sha256(Buffer.of(0), leaves[0]);
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return sha256(Buffer.of(1), treeRoot(leaves.slice(0, split)), treeRoot(leaves.slice(split)));
}

/** A content as the records of its stream hold it. @param {Buffer} content */
export function records(content) {
  const size = 65_519;
  const count = Math.max(1, Math.ceil(content.length / size));
  return Array.from({ length: count }, (_, at) => content.subarray(at * size, (at + 1) * size));
}

function sha256(...parts) {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}
