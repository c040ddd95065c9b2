"""Requests and answers: bodies, fields, errors and encodings."""
