#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/error_code.hpp>

namespace troupe::gateway {

namespace asio = boost::asio;
using boost::system::error_code;

/// Concrete executor types: the polymorphic executor costs on every operation.
using executor = asio::io_context::executor_type;
using tcp_socket = asio::basic_stream_socket<asio::ip::tcp, executor>;
template <class T>
using awaitable = asio::awaitable<T, executor>;

} // namespace troupe::gateway
