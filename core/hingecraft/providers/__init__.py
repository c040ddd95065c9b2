"""The payment providers, behind one port."""
