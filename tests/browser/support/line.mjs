/** A line that can be bad: passes bytes on to a server, slowly or not at all, and can be cut. */
import { once } from "node:events";
import { connect, createServer } from "node:net";

export class Line {
  #server;
  #sockets = new Set();
  #left = Infinity;
  #up = true;
  /** How many bytes came back over it. */
  carried = 0;

  /** @param {number} from port @param {number} to port */
  static async lay(from, to) {
    const line = new Line();
    line.#server = createServer((near) => line.#join(near, to));
    line.#server.listen(from, "127.0.0.1");
    await once(line.#server, "listening");
    return line;
  }

  #join(near, to) {
    if (!this.#up) {
      near.destroy();
      return;
    }
    const far = connect(to, "127.0.0.1");
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far);
    far.on("data", (bytes) => {
      this.carried += bytes.length;
      this.#left -= bytes.length;
      if (this.#left <= 0) this.cut();
      else if (!near.write(bytes)) {
        far.pause();
        near.once("drain", () => far.resume());
      }
    });
  }

  /** Breaks by itself after so many more bytes have come back. @param {number} bytes */
  cutAfter(bytes) {
    this.#left = bytes;
  }

  /** Breaks now, and stays broken. */
  cut() {
    this.#up = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  get broken() {
    return !this.#up;
  }

  mend() {
    this.#left = Infinity;
    this.#up = true;
  }

  end() {
    this.cut();
    this.#server.close();
  }
}
