"""What several pages share: formatting, downloads, limits of the deployment."""
