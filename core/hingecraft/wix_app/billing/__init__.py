"""Plans that a site's owner can buy at Wix, and their checkouts."""
