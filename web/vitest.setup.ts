/** What unit tests run in: Node with an IndexedDB in memory. Nothing of a page exists here, which keeps the core free of it. */
import "fake-indexeddb/auto";
