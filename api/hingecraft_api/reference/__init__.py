"""The API reference, written from the declared endpoints: the OpenAPI document and the page at /docs."""
