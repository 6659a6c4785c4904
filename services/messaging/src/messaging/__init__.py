"""Messages to customers over WhatsApp and SMS."""
