/** A request that carries a token. */
export const bearing = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
