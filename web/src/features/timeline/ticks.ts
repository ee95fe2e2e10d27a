/**
 * How far a message of one's own has come: waiting, safe, arrived, read.
 * Arithmetic on watermarks; in a group it is read when all have read it.
 */
import type { MemberMarks, MessageItem, Seq, UserId } from "../../sync/api";

export type Tick = "pending" | "failed" | "sent" | "delivered" | "read";

/** The lowest marks of all others: what everybody has. */
export interface LowestMarks {
  readonly readSeq: Seq;
  readonly deliveredSeq: Seq;
}

export function lowestMarks(marks: ReadonlyMap<UserId, MemberMarks>, me: UserId): LowestMarks {
  const others = [...marks].filter(([userId]) => userId !== me).map(([, mark]) => mark);
  if (others.length === 0) return { readSeq: 0, deliveredSeq: 0 };
  return {
    readSeq: Math.min(...others.map((mark) => mark.readSeq)),
    deliveredSeq: Math.min(...others.map((mark) => Math.max(mark.deliveredSeq, mark.readSeq))),
  };
}

export function tickOf(item: Pick<MessageItem, "state" | "seq">, lowest: LowestMarks): Tick {
  if (item.state !== "sent") return item.state;
  if (item.seq === undefined) return "sent";
  if (item.seq <= lowest.readSeq) return "read";
  return item.seq <= lowest.deliveredSeq ? "delivered" : "sent";
}
