"""What a site's owner can buy at Wix, and the way there."""
