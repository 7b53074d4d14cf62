-- Questions of a file, one after the other, to a path: wrk -s service.lua URL -- FILE PATH METHOD OFFSET [HEADER]
local requests, at = {}, 0

local function escaped(text)
    return (text:gsub("[^%w%-%._~]", function(c) return string.format("%%%02X", string.byte(c)) end))
end

function init(args)
    local headers = {}
    local name, value = (args[5] or ""):match("^(.-): (.*)$")
    if name then headers[name] = value end
    if args[3] ~= "GET" then headers["Content-Type"] = "application/json" end
    for line in io.lines(args[1]) do
        local caller, callee, source = line:match("([^\t]*)\t([^\t]*)\t([^\t]*)")
        if args[3] == "GET" then
            local query = "?caller=" .. escaped(caller) .. "&callee=" .. escaped(callee) .. "&source_ip=" .. source
            requests[#requests + 1] = wrk.format("GET", args[2] .. query, headers)
        else
            local body = string.format('{"caller":"%s","callee":"%s","source_ip":"%s"}', caller, callee, source)
            requests[#requests + 1] = wrk.format("POST", args[2], headers, body)
        end
    end
    at = tonumber(args[4]) or 0
end

function request()
    at = at % #requests + 1
    return requests[at]
end
