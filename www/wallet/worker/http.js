/** The wallet core's way to the network: one request, bounded in time and size. */

const TIMEOUT_MS = 45_000;
const ANSWER_BYTES_MAX = 4 * 1024 * 1024;

/**
 * @typedef {{method: string, url: string, headers: [string, string][], body: Uint8Array | null}} HttpRequest
 * @typedef {{status: number, headers: [string, string][], body: Uint8Array}} HttpAnswer
 */

/** @param {HttpRequest} request @returns {Promise<HttpAnswer>} */
export async function http(request) {
  try {
    const answer = await fetch(request.url, {
      method: request.method,
      headers: request.headers,
      body: /** @type {BodyInit | null} */ (request.body),
      cache: "no-store",
      credentials: "omit",
      referrerPolicy: "no-referrer",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const length = Number(answer.headers.get("content-length") ?? 0);
    if (length > ANSWER_BYTES_MAX) throw coded("peer-invalid", "the answer is too long");
    return { status: answer.status, headers: [...answer.headers], body: await readBounded(answer) };
  } catch (error) {
    if (isCoded(error)) throw error;
    // Fetch tells a refused connection, a lost one and a time-out apart only by wording; to the core all mean "ask again".
    throw coded("network-failed", error instanceof Error ? error.message : String(error));
  }
}

/** @param {Response} answer */
async function readBounded(answer) {
  if (!answer.body) return new Uint8Array();
  const chunks = [];
  let length = 0;
  for await (const chunk of /** @type {any} */ (answer.body)) {
    length += chunk.length;
    if (length > ANSWER_BYTES_MAX) throw coded("peer-invalid", "the answer is too long");
    chunks.push(chunk);
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/**
 * An error that carries a stable code.
 * @param {string} code @param {string} message
 * @returns {Error & {code: string}}
 */
export function coded(code, message) {
  return Object.assign(new Error(message), { code });
}

/** @param {unknown} error @returns {error is {code: string, message: string}} */
export function isCoded(error) {
  return typeof error === "object" && error !== null && typeof (/** @type {any} */ (error).code) === "string";
}
