/** What the browser keeps for this page: doors, the slots they used, and settings. */

const NAME = "sallyport";
const VERSION = 1;

export type StoreName = "doors" | "slots" | "settings";

export function request<T>(asked: IDBRequest<T>): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  asked.addEventListener("success", () => resolve(asked.result));
  asked.addEventListener("error", () => reject(asked.error));
  return promise;
}

/** Rejects where the browser keeps nothing: in some private windows, and in files that another app shows. */
export async function openDatabase(): Promise<IDBDatabase> {
  const opening = indexedDB.open(NAME, VERSION);
  opening.addEventListener("upgradeneeded", () => {
    opening.result.createObjectStore("doors", { keyPath: "id" });
    opening.result.createObjectStore("slots");
    opening.result.createObjectStore("settings");
  });
  return await request(opening);
}

/** Runs `work` in a transaction of its own, and returns when what it wrote is kept. */
export async function change<T>(
  database: IDBDatabase,
  store: StoreName,
  work: (store: IDBObjectStore) => Promise<T>,
): Promise<T> {
  const transaction = database.transaction(store, "readwrite", { durability: "strict" });
  const kept = new Promise<void>((resolve, reject) => {
    transaction.addEventListener("complete", () => resolve());
    transaction.addEventListener("abort", () => reject(transaction.error));
  });
  const [result] = await Promise.all([work(transaction.objectStore(store)), kept]);
  return result;
}

/** A store to read from. */
export function reading(database: IDBDatabase, store: StoreName): IDBObjectStore {
  return database.transaction(store, "readonly").objectStore(store);
}
