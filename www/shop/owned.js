/** What this browser remembers of purchases here. The receipts themselves are in the wallet; this only lets the page say "yours". */

const STORED = "meridian-owned";

/** @typedef {{good: string, title: string, deal: string, state: string, at: number, total: import("/common/i18n.js").Amount, picture?: string}} Owned */

/** @returns {Owned[]} latest first */
export function ownedGoods() {
  try {
    const list = JSON.parse(localStorage.getItem(STORED) ?? "[]");
    return Array.isArray(list) ? list : [];
  } catch {
    return [];
  }
}

/** @param {string} good @returns {Owned | undefined} */
export function ownedGood(good) {
  return ownedGoods().find((owned) => owned.good === good && owned.state !== "refused");
}

/** @param {Owned} owned */
export function rememberOwned(owned) {
  const others = ownedGoods().filter(({ deal }) => deal !== owned.deal);
  localStorage.setItem(STORED, JSON.stringify([owned, ...others]));
}
