"""The Wix app's backend: sites that have installed it, their plans, their credits, and what Wix tells about them."""
