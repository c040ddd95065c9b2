"""What requests and answers say: bodies, fields, errors and encodings."""
