"""A short list of what people choose first. Only words that can make eight characters with a usual ending count."""

RUNS = (
    "01234567890123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "1q2w3e4r5t6y7u8i9o0p",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "qazwsxedcrfvtgbyhnujm",
    "112233445566778899",
    "123123123123123123",
    "abcabcabcabcabcabc",
    "abc123abc123abc123",
)

WORDS = """
aaron123 abcd1234 access account admin admin123 administrator airplane alexander america andrea andrew angel angels
animal anthony apple apples arsenal asdf1234 asdfasdf ashley austin baby babygirl badboy banana barcelona baseball
basketball batman beautiful benjamin biteme blahblah blessed blessing blink182 bond007 brandon butterfly buster
cameron candy carlos changeit changeme charlie cheese chelsea chicken chocolate chris christian christopher computer
cookie corvette cowboy cristina crystal daniel danielle darkness database david default demo dennis destiny diamond
dolphin dragon dukan dukani eagle eagles elephant elizabeth everton facebook familia family ferrari flower flowers
football forever formula1 freedom friend friends gabriel gandalf garfield genius george gfhjkm ginger godisgood golden
golfer google guest hahaha hannah happy harley hello hello123 hellokitty hockey hunter iloveu iloveyou iloveyou1
internet isabella jackson jasmine jehovah jennifer jessica jessie jesus jesuschrist jonathan jordan jordan23 joseph
joshua junior justin karibu kenya killer kitten kristina ladybug laptop lauren letmein letmein1 liberty liverpool
login london lovely loveme lover loveyou lucky maggie manager manchester manutd marina marlboro martin master matrix
matthew maverick mercedes merlin michael michelle mickey midnight monkey monster morgan mother mustang mwanza
mypassword nairobi naruto natasha nathan newpass newyork nicholas nicole nirvana nothing nyasubi october oliver orange
p4ssw0rd p@ssw0rd p@ssword pakistan pass1234 passion passw0rd password password1 password123 patrick peaches peanut
pepper phoenix please pokemon prince princess private purple qwerty qwerty123 qwertyui rachel rainbow realmadrid
rebecca richard robert rockstar rockyou ronaldo root samantha samsung sandra sample scooter secret secret123 security
serenity service shadow shannon shopping silver simba slipknot smokey snoopy soccer softball spiderman starwars
steelers steven summer sunflower sunshine superman superstar support sweety sweetheart system tanzania tanzania1
taylor teacher temp1234 tennis test test1234 testtest thomas thunder tigger tigers tinkerbell trustno1 twilight uganda
unknown user username vanessa victor victoria vincent wachawi welcome welcome1 whatever william william1 windows
winner winter wizard wonderful yamaha yankees zanzibar zaq12wsx
"""

COMMON = frozenset(WORDS.split())
