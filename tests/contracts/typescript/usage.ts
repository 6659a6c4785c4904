// A purchase as a browser's code would write it. It is compiled, not run: each field must have the type that is used.
import createClient, { type Middleware } from "openapi-fetch";

import type { paths } from "./build/api.js";

const client = createClient<paths>({ baseUrl: "http://127.0.0.1:8000" });

async function signIn(email: string, password: string): Promise<Middleware> {
  const { data, error } = await client.POST("/api/v1/auth/login", { body: { email, password } });
  if (error) throw new Error(`${error.code} in ${error.request_id ?? "no request"}: ${error.message}`);
  const token: string = data.data.access_token ?? "";
  return {
    onRequest({ request }) {
      request.headers.set("Authorization", `Bearer ${token}`);
      return request;
    },
  };
}

async function buyTheCheapest(): Promise<string> {
  const products = await client.GET("/api/v1/products", {
    params: { query: { in_stock: true, ordering: "price", page_size: 1 } },
  });
  const product = products.data?.data[0];
  if (product === undefined) throw new Error("nothing is in stock");
  const price: { amount: number; currency: string } = product.final_price;

  const placed = await client.POST("/api/v1/orders", {
    params: { header: { "Idempotency-Key": crypto.randomUUID(), Prefer: "wait=10" } },
    body: { items: [{ product_id: product.id, quantity: 2 }], payment: { provider: "sandbox" } },
  });
  if (placed.error) {
    const fields: string[] = (placed.error.errors ?? []).map((each) => each.field ?? each.code);
    throw new Error(`${placed.error.code}: ${fields.join(", ")}; the price is ${price.amount} ${price.currency}`);
  }
  return placed.data.data.id;
}

async function paymentsOf(order: string): Promise<number> {
  const { data } = await client.GET("/api/v1/payments", { params: { query: { page_size: 100 } } });
  const captured = (data?.data ?? []).filter((payment) => payment.order_id === order);
  return captured.reduce((sum, payment) => sum + payment.amount.amount, 0);
}

client.use(await signIn("amina@example.com", "kilimanjaro-5895"));
console.log(await paymentsOf(await buyTheCheapest()));
