/**
 * One's own account, for every part of the workspace; and the hooks around the core, so that parts name one module.
 * Holds no state: what a part shows comes from a store or from its own.
 */
import { createContext, useContext } from "react";
import type { ReactNode } from "react";
import type { Account } from "../../sync/api";

export { ClientProvider, useClient, useSelected, useStore } from "../client";

const AccountContext = createContext<Account | undefined>(undefined);

export function AccountProvider({ account, children }: { account: Account; children: ReactNode }) {
  return <AccountContext value={account}>{children}</AccountContext>;
}

/** One's own account, inside the workspace. */
export function useAccount(): Account {
  const account = useContext(AccountContext);
  if (account === undefined) throw new Error("invariant: the workspace is rendered inside AccountProvider");
  return account;
}
