import { readFileSync } from "node:fs";
import express from "express";

const routes = JSON.parse(readFileSync(process.argv[2], "utf8"));
const app = express();

app.get("/routes", (request, response) => response.json(routes));
app.listen(Number(process.argv[3]), "127.0.0.1");
