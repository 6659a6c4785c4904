from dukan.main import app

app()
