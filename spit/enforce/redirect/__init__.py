"""A SIP redirect server: SBCs send it the INVITE and read the verdict from the response."""
