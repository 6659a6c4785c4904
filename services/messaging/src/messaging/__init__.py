"""Messages to people's phones, over WhatsApp or SMS."""
